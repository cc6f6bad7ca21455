// SPDX-License-Identifier: Apache-2.0
import { refusedError, type StepError } from '../errors/errors.ts';
import { scrub } from '../log/redact.ts';
import type { HttpResponse } from './http.ts';

export type RefusalOptions = {
  /** Which credential was used, in words: `docker config entry for r.example.com`. Never the credential. */
  credential?: string;
  /** Instead of the code by status. */
  code?: string;
  hint?: string;
};

const EXCERPT = 200;
const CODE_BY_STATUS: Record<number, string> = {
  401: 'HTTP_UNAUTHORIZED',
  403: 'HTTP_FORBIDDEN',
  404: 'HTTP_NOT_FOUND',
  409: 'HTTP_CONFLICT',
  422: 'HTTP_UNPROCESSABLE',
};

/**
 * The refused error for a final answer that is no success: status, which credential was used, and at most 200
 * characters of the answer on one line. Gives the error; the caller throws it.
 */
export async function refusal(response: HttpResponse, what: string, options: RefusalOptions = {}): Promise<StepError> {
  const said = excerpt(await response.body().catch(() => Buffer.alloc(0)));
  const credential = options.credential === undefined ? '' : ` (credential: ${options.credential})`;
  const message = `cannot ${what}: status ${response.status}${credential}${said === '' ? '' : `: ${said}`}`;
  const hint = options.hint ?? hintFor(response.status);
  return refusedError(options.code ?? CODE_BY_STATUS[response.status] ?? 'HTTP_REFUSED', message, hint === undefined ? {} : { hint });
}

/**
 * What an error answer says, for a message: the text members of common JSON error bodies (OCI distribution `errors`,
 * Kubernetes and OAuth `message`, `error`, `error_description`), else its beginning; one printable line
 * without registered secrets, JWTs and echoed Authorization values.
 */
export function excerpt(body: Buffer): string {
  const text = body.subarray(0, 16_384).toString('utf8');
  const said = jsonTexts(text) ?? (text.trimStart().startsWith('<') ? '' : text);
  const line = said
    .replace(/[^\x21-\x7e\u00a1-\u024f]+/g, ' ')
    .replace(/\b(bearer|basic)\s+\S{8,}/gi, '$1 ***')
    .replace(/\beyJ[\w-]{8,}\.[\w.-]*/g, '***')
    .trim();
  return scrub(line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line);
}

function jsonTexts(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const record = value as Record<string, unknown>;
  const sources = Array.isArray(record['errors']) ? record['errors'].slice(0, 3) : [record];
  const found = sources.flatMap((source: unknown) => {
    if (typeof source !== 'object' || source === null) return [];
    const fields = source as Record<string, unknown>;
    const texts = [fields['code'], fields['error'], fields['error_description'], fields['message']];
    const parts = texts.filter((part): part is string => typeof part === 'string');
    return parts.length > 0 ? [parts.join(': ')] : [];
  });
  return found.length > 0 ? found.join('; ') : undefined;
}

function hintFor(status: number): string | undefined {
  if (status === 401 || status === 403) return 'check the credential and its rights on this object';
  if (status === 404) return 'check the name; some services also answer so when the credential may not read it';
  return undefined;
}
