// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { hintOf, type Login } from './credentials.ts';

export type TokenRequest = { http: Http; registry: string; realm: URL; service: string | undefined; scopes: readonly string[]; credential: Login };
/** A Bearer token and how long it may be used, in milliseconds. */
export type Token = { value: string; lifetimeMs: number };

const CLIENT_ID = 'tekton-supply-chain';
const DEFAULT_LIFETIME_S = 60;
const MAX_LIFETIME_S = 3600;
const MARGIN_S = 10;

/**
 * Gets a Bearer token: GET with Basic or without a credential (distribution token spec), POST with the refresh token for
 * an identity token (distribution OAuth2 spec). Throws refused REGISTRY_UNAUTHORIZED, REGISTRY_DENIED or REGISTRY_TOKEN_INVALID.
 */
export async function fetchToken(request: TokenRequest): Promise<Token> {
  const what = `get a token for ${request.registry} from ${request.realm.host}`;
  const response = await request.http(
    request.credential.kind === 'identity-token' ? refreshRequest(request, request.credential.token, what) : plainRequest(request, what),
  );
  if (response.status !== 200) {
    const code = response.status === 403 ? 'REGISTRY_DENIED' : 'REGISTRY_UNAUTHORIZED';
    throw await refusal(response, what, { credential: request.credential.name, code, ...hintOf(request.credential) });
  }
  return readToken(response, what);
}

function plainRequest({ realm, service, scopes, credential }: TokenRequest, what: string): HttpRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return { what, url: url.href, maxBytes: 262_144, headers: credential.kind === 'password' ? { authorization: basicAuthorization(credential) } : {} };
}

function refreshRequest({ realm, service, scopes }: TokenRequest, refreshToken: string, what: string): HttpRequest {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: CLIENT_ID, refresh_token: refreshToken, scope: scopes.join(' ') });
  if (service !== undefined) form.set('service', service);
  return {
    what,
    method: 'POST',
    url: realm.href,
    retryable: true,
    maxBytes: 262_144,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(form.toString()),
  };
}

/** The value of an Authorization header for Basic (RFC 7617). */
export function basicAuthorization(credential: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

async function readToken(response: HttpResponse, what: string): Promise<Token> {
  const json = (await response.json()) as Record<string, unknown> | null;
  const value = json?.['token'] || json?.['access_token'];
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw refusedError('REGISTRY_TOKEN_INVALID', `cannot ${what}: the answer holds no usable token`);
  }
  const said = json?.['expires_in'];
  const seconds = typeof said === 'number' && said > 0 ? Math.min(said, MAX_LIFETIME_S) : DEFAULT_LIFETIME_S;
  return { value, lifetimeMs: Math.max(seconds - MARGIN_S, seconds / 2) * 1000 };
}
