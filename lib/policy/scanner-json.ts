// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** More findings than this are a mistake or an attack; the worst images have some ten thousand. */
export const MAX_FINDINGS = 200_000;

/** Shapes that the readers of scanner reports share; lengths are far over what scanners write. */
export const Identifier = z.string().min(1).max(200);
export const Text = z.string().max(2000);
export const Time = z.string().max(64);

/** The error for content that a schema cannot tell is wrong, as the readers of formats throw it. */
export function malformed(message: string, ...path: string[]): z.ZodError {
  return new z.ZodError([{ code: 'custom', path, message, input: undefined }]);
}

/** The digest behind `@` in a reference, or the text itself when it is a digest. */
export function digestIn(text: string | null | undefined): string | undefined {
  return /(?:^|@)(sha256:[0-9a-f]{64})$/.exec(text ?? '')?.[1];
}

/** The digests that the texts name, each once, sorted. */
export function digestsIn(texts: readonly (string | null | undefined)[]): string[] {
  return [...new Set(texts.map(digestIn).filter((digest) => digest !== undefined))].sort();
}
