// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import { inputError, refusedError, StepError } from '../errors/errors.ts';
import type { HttpRequest, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import type { ForgeKind, ForgeOptions } from './forge.ts';
import { rateLimitWaitMs } from './rate-limit.ts';

/** One call of the API. `what` says in messages what is being done: `read comments of pull request 7`. */
export type Call<T> = {
  what: string;
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT';
  /** Below the API's base, each part encoded. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  shape: z.ZodType<T>;
  /** Whether a second copy of the request does no harm; GET, PUT and PATCH need not say. */
  repeatable?: boolean;
  /** Statuses that stand for "nothing there" or "there already" and give undefined. */
  absent?: readonly number[];
};

export type Rest = {
  call<T>(call: Call<T> & { absent?: undefined }): Promise<T>;
  tryCall<T>(call: Call<T>): Promise<T | undefined>;
  /** All pages of a list. */
  pages<T>(call: Omit<Call<T[]>, 'method' | 'body'>): Promise<T[]>;
};

const MAX_PAGES = 100;
const MAX_BYTES = 16 * 1024 * 1024;
const PAGE_SIZE: Record<ForgeKind, [string, string]> = { github: ['per_page', '100'], gitlab: ['per_page', '100'], gitea: ['limit', '50'] };
const REPOSITORY = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)+$/;
const REFUSAL_CODES: Record<number, string> = { 401: 'FORGE_UNAUTHORIZED', 403: 'FORGE_FORBIDDEN', 404: 'FORGE_NOT_FOUND' };

/** JSON over lib/http with the forge's headers, paging and rate limits. */
export function createRest(options: ForgeOptions): Rest {
  checkRepository(options.repo);
  const base = apiBase(options.kind, options.url);
  const tryCall = async <T>(call: Call<T>): Promise<T | undefined> => {
    const response = await send(options, base, call, {});
    return response && parse({ ...call, what: `${call.what} on ${options.kind} ${options.repo}` }, response);
  };
  return {
    tryCall,
    async call<T>(call: Call<T> & { absent?: undefined }) {
      return (await tryCall(call)) as T;
    },
    async pages<T>(call: Omit<Call<T[]>, 'method' | 'body'>) {
      const [size, count] = PAGE_SIZE[options.kind];
      const all: T[] = [];
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const response = await send(options, base, call, { [size]: count, page: String(page) });
        if (response === undefined) return all;
        const found = await parse({ ...call, what: `${call.what} on ${options.kind} ${options.repo}` }, response);
        all.push(...found);
        if (found.length === 0 || !hasNext(response)) return all;
      }
      throw refusedError('FORGE_REFUSED', `cannot ${call.what}: there are more than ${MAX_PAGES} pages`);
    },
  };
}

/** The root of the REST API, from the URL that people use. Throws input FORGE_URL_INVALID. */
export function apiBase(kind: ForgeKind, text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw inputError('FORGE_URL_INVALID', 'the URL of the forge is not a plain http or https URL', { hint: 'write it as https://git.example.com' });
  }
  const root = url.href.replace(/\/+$/, '');
  if (kind === 'gitlab') return root.endsWith('/api/v4') ? root : `${root}/api/v4`;
  if (kind === 'gitea') return root.endsWith('/api/v1') ? root : `${root}/api/v1`;
  if (url.hostname === 'github.com') return 'https://api.github.com';
  // GitHub Enterprise Cloud with data residency has api.NAME.ghe.com.
  if (url.hostname.startsWith('api.') || root.endsWith('/api/v3')) return root;
  return url.hostname.endsWith('.ghe.com') ? `${url.protocol}//api.${url.host}` : `${root}/api/v3`;
}

async function send<T>(options: ForgeOptions, base: string, call: Call<T>, paging: Record<string, string>): Promise<HttpResponse | undefined> {
  const { what, method = 'GET', path, query = {}, body, repeatable, absent = [] } = call;
  const search = new URLSearchParams({ ...query, ...paging }).toString();
  const request: HttpRequest = {
    what: `${what} on ${options.kind} ${options.repo}`,
    method,
    url: `${base}${path}${search === '' ? '' : `?${search}`}`,
    headers: { ...headers(options), ...(body !== undefined && { 'content-type': 'application/json' }) },
    maxBytes: MAX_BYTES,
    rateLimit: rateLimitWaitMs,
    ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
    ...((repeatable ?? method === 'PATCH') && { retryable: true }),
  };
  const response = await options.http(request);
  if (response.status >= 200 && response.status < 300) return response;
  if (absent.includes(response.status)) return undefined;
  throw await refusedBy(response, request.what, options);
}

function headers({ kind, token }: ForgeOptions): Record<string, string> {
  if (kind === 'github') return { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };
  return { authorization: kind === 'gitea' ? `token ${token}` : `Bearer ${token}`, accept: 'application/json' };
}

function refusedBy(response: HttpResponse, what: string, { credential = 'token' }: ForgeOptions): Promise<StepError> {
  return refusal(response, what, { code: REFUSAL_CODES[response.status] ?? 'FORGE_REFUSED', credential });
}

async function parse<T>({ what, shape }: Pick<Call<T>, 'what' | 'shape'>, response: HttpResponse): Promise<T> {
  const hint = 'check the kind and the URL of the forge';
  const json = await response.json().catch((cause: unknown) => {
    if (!(cause instanceof StepError) || cause.code !== 'HTTP_BODY_INVALID') throw cause;
    throw refusedError('FORGE_REFUSED', `cannot ${what}: the answer is not JSON`, { hint, cause });
  });
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.join('.') || 'top level';
  throw refusedError('FORGE_REFUSED', `cannot ${what}: the answer has another shape than the API documents (at ${at})`, { hint });
}

/** Whether the answer names a next page (RFC 8288; GitLab also by a header of its own). The page is counted here, because behind a proxy the URL in the header can name a host that is not ours. */
function hasNext({ headers }: HttpResponse): boolean {
  return /;\s*rel="?next"?/.test(headers['link'] ?? '') || /^\d+$/.test(headers['x-next-page'] ?? '');
}

function checkRepository(repo: string): void {
  if (REPOSITORY.test(repo) && !repo.split('/').some((part) => /^\.+$/.test(part))) return;
  throw inputError('FORGE_REPOSITORY_INVALID', `"${repo.slice(0, 200)}" is not the name of a repository on a forge`, { hint: 'write it as owner/name' });
}
