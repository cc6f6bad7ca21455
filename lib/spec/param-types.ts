// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError, StepError } from '../errors/errors.ts';
import { isDigest } from '../reference/digest.ts';
import { parseDigestReference, parseReference } from '../reference/reference.ts';

/** A schema around a parser that throws StepErrors: the message, and the hint behind it, become those of the issue. */
function parsedBy<T>(parse: (text: string) => T): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      context.addIssue({ code: 'custom', message: error.hint ? `${error.message}; ${error.hint}` : error.message });
      return z.NEVER;
    }
  });
}

/** `repo[:tag]@sha256:…`; a bare tag is refused with the expression to write. */
export const ImageByDigest = parsedBy(parseDigestReference);

/** A repository: a reference without tag and digest. */
export const Repository = parsedBy((text) => {
  const reference = parseReference(text);
  if (reference.tag === undefined && reference.digest === undefined) return reference;
  throw inputError('REFERENCE_INVALID', 'must be a repository, without tag and digest');
});

/** `true` or `false`. */
export const Flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const DURATION = /^(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?$/;
/** Node's timers end at once when they are given more than 2^31 - 1 ms. */
const MAX_DURATION_MS = 24 * 24 * 60 * 60 * 1000;

/** A duration as Tekton writes it, such as `90s`, `10m` or `1h30m`; gives milliseconds, more than 0 and at most 24 days. */
export const Duration = z
  .string()
  .regex(DURATION, 'must be a duration such as 90s, 10m or 1h30m')
  .transform((text, context) => {
    const [, hours = '0', minutes = '0', seconds = '0'] = DURATION.exec(text) ?? [];
    const milliseconds = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    if (milliseconds === 0) context.addIssue({ code: 'custom', message: 'must be more than 0' });
    if (milliseconds > MAX_DURATION_MS) context.addIssue({ code: 'custom', message: 'must be at most 576h (24 days)' });
    return milliseconds;
  });

/** An http or https URL without user info; gives it without a trailing slash. */
export const ServiceUrl = z
  .string()
  .max(2000)
  .transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !['http:', 'https:'].includes(url.protocol)) context.addIssue({ code: 'custom', message: 'must be an http:// or https:// URL' });
    else if (url.username || url.password) context.addIssue({ code: 'custom', message: 'must not hold credentials' });
    return text.replace(/\/+$/, '');
  });

/** A path below a workspace: relative, without `..`. */
export const WorkspacePath = z
  .string()
  .max(1000)
  .refine(
    (text) => !text.startsWith('/') && !text.split('/').includes('..') && !text.includes('\0'),
    'must be a path below the workspace, without a leading / and without ..',
  );

/** Several values in one string, separated by commas, spaces or line breaks. */
export const List = z.string().transform((text) => text.split(/[\s,]+/).filter((item) => item !== ''));

/** `sha256:` and 64 hex digits. */
export const Sha256Digest = z.string().refine(isDigest, 'must be sha256: with 64 lower-case hex digits');

/** A tag by the grammar of the OCI distribution spec. */
export const Tag = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'must be a tag: letters, digits, _ . - and at most 128 characters');

/** Which forge, and where it is when that is not the host of the repository. */
export type ForgePlace = { kind: 'github' | 'gitlab' | 'gitea'; url: string | undefined };

/** `github`, `gitlab` or `gitea`, with `=URL` behind it. */
export const ForgePlace = z.string().transform((text, context): ForgePlace => {
  const [, kind, url] = /^(github|gitlab|gitea)(?:=(.+))?$/s.exec(text) ?? [];
  if (kind === undefined) context.addIssue({ code: 'custom', message: 'must be github, gitlab or gitea, with =URL behind it where the API is elsewhere' });
  const parsed = url === undefined ? undefined : ServiceUrl.safeParse(url);
  for (const issue of parsed?.error?.issues ?? []) context.addIssue({ code: 'custom', message: `the URL of the forge ${issue.message}` });
  return { kind: (kind ?? 'github') as ForgePlace['kind'], url: parsed?.data };
});
