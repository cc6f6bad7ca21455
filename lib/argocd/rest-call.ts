// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import { refusedError, type StepError } from '../errors/errors.ts';
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import type { AppRef } from './argocd.ts';

export type RestOptions = {
  http: Http;
  /** `https://argocd.example.com`, perhaps with the root path that Argo CD is served under. */
  server: string;
  /** Asked for with every request. */
  token: () => Promise<string>;
  app: AppRef;
};

export type RestCall = {
  what: string;
  method?: 'GET' | 'POST' | 'DELETE';
  /** Below `/api/v1`. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  maxBytes?: number;
  silenceMs?: number;
  retryable?: boolean;
};

/** An application with its tree can be large; what is read whole stays bounded. */
const MAX_BYTES = 32 * 1024 * 1024;
const CODES: Record<number, string> = { 401: 'ARGOCD_UNAUTHORIZED', 403: 'ARGOCD_FORBIDDEN', 404: 'ARGOCD_APP_MISSING' };

/** Sends one request of the REST API (grpc-gateway of `server/application/application.proto`); any status is given back. */
export async function send({ http, server, token }: RestOptions, call: RestCall): Promise<HttpResponse> {
  const search = new URLSearchParams(call.query ?? {}).toString();
  const request: HttpRequest = {
    what: call.what,
    method: call.method ?? 'GET',
    url: `${server}/api/v1${call.path}${search === '' ? '' : `?${search}`}`,
    headers: {
      accept: 'application/json',
      authorization: `Bearer ${await token()}`,
      // Argo CD takes writes of this type alone, as a guard against forged forms of browsers.
      ...(call.method !== undefined && call.method !== 'GET' && { 'content-type': 'application/json' }),
    },
    maxBytes: call.maxBytes ?? MAX_BYTES,
    ...(call.body !== undefined && { body: Buffer.from(JSON.stringify(call.body)) }),
    ...(call.silenceMs !== undefined && { timeoutMs: call.silenceMs }),
    ...(call.retryable !== undefined && { retryable: call.retryable }),
  };
  return http(request);
}

/** As `send`, for an answer that has to be a success of this shape. Throws refused ARGOCD_UNAUTHORIZED, ARGOCD_FORBIDDEN, ARGOCD_APP_MISSING, ARGOCD_REFUSED or ARGOCD_ANSWER_INVALID. */
export async function read<T>(options: RestOptions, call: RestCall, shape: z.ZodType<T>): Promise<T> {
  const response = await send(options, call);
  if (response.status !== 200) throw await refused(response, call.what, options.app);
  return parseAnswer(call.what, shape, await jsonOf(response, call.what));
}

/** The error for an answer that is no success. */
export function refused(response: HttpResponse, what: string, app: AppRef): Promise<StepError> {
  return refusal(response, what, {
    code: CODES[response.status] ?? 'ARGOCD_REFUSED',
    credential: 'token of the workspace argocd-credentials',
    ...(response.status === 403 && { hint: `give the account of the token the right to get and sync applications of project ${app.project}` }),
    ...(response.status === 404 && { hint: `check the params app and project; there is no such application in project ${app.project}` }),
    ...(response.status === 401 && { hint: 'the token is missing, wrong or expired; make a new one for the account or project role' }),
  });
}

/** Throws refused ARGOCD_ANSWER_INVALID. */
export function parseAnswer<T>(what: string, shape: z.ZodType<T>, json: unknown): T {
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  throw notArgoCd(what, `it has another shape than Argo CD documents (at ${parsed.error.issues[0]?.path.join('.') || 'top level'})`);
}

async function jsonOf(response: HttpResponse, what: string): Promise<unknown> {
  const body = await response.body();
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (cause) {
    throw notArgoCd(what, 'it is no JSON', cause);
  }
}

function notArgoCd(what: string, how: string, cause?: unknown): StepError {
  return refusedError('ARGOCD_ANSWER_INVALID', `cannot ${what}: the answer cannot be read, ${how}`, {
    hint: 'check that the param server is the URL of an Argo CD API server, with its root path if it has one',
    cause,
  });
}
