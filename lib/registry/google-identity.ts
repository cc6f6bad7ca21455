// SPDX-License-Identifier: Apache-2.0
import { refusedError, StepError } from '../errors/errors.ts';
import type { Http, HttpResponse } from '../http/http.ts';
import { registerSecret } from '../log/redact.ts';
import type { Credentials, Login } from './credentials.ts';
import { allowsPlainHttp } from './endpoint.ts';

export type GoogleIdentityOptions = { http: Http; now: () => number; insecureRegistries: readonly string[] };

const TOKEN_URL = 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token';
const GOOGLE_REGISTRY = /^(?:(?:[a-z0-9-]+\.)*gcr\.io|(?:[a-z0-9-]+\.)+pkg\.dev)$/;
const WAIT_MS = 3000;
const ATTEMPTS = 3;
const MARGIN_S = 60;
const MAX_LIFETIME_S = 3600;
const ABSENT_MS = 60_000;

/**
 * The credentials, and for Google's registries (`*.pkg.dev`, `gcr.io`, `*.gcr.io`) that they have no login for, the
 * identity of this pod or machine: an access token of its service account from the metadata server (workload identity on
 * GKE), kept until a minute before its end. Asked for when such a registry wants a login, and never otherwise; where there
 * is no metadata server, as for a public image pulled from elsewhere, the login is anonymous.
 * Follows the instance metadata API and the user name `oauth2accesstoken` of Artifact Registry's documentation; not
 * verified against the service.
 */
export function withGoogleIdentity(credentials: Credentials, options: GoogleIdentityOptions): Credentials {
  let known: { login: Login; until: number } | undefined;
  let pending: Promise<Login> | undefined;
  const fetchOnce = async (): Promise<Login> => {
    const found = await fetchIdentity(options);
    known = found;
    return found.login;
  };
  const get = async (): Promise<Login> => {
    if (known !== undefined && known.until > options.now()) return known.login;
    pending ??= fetchOnce().finally(() => {
      pending = undefined;
    });
    return pending;
  };
  return (registry, repository) => {
    const given = credentials(registry, repository);
    const host = registry.toLowerCase();
    if (given.kind !== 'anonymous' || !GOOGLE_REGISTRY.test(host) || allowsPlainHttp(host, options.insecureRegistries)) return given;
    return { kind: 'on-demand', name: 'identity from the Google metadata server, else anonymous', get };
  };
}

async function fetchIdentity({ http, now }: GoogleIdentityOptions): Promise<{ login: Login; until: number }> {
  const what = 'get an access token from the Google metadata server';
  const anonymous = (why: string): { login: Login; until: number } => ({ login: { kind: 'anonymous', name: `anonymous (${why})` }, until: now() + ABSENT_MS });
  let response: HttpResponse;
  try {
    response = await http({ what, url: TOKEN_URL, headers: { 'metadata-flavor': 'Google' }, timeoutMs: WAIT_MS, attempts: ATTEMPTS, maxBytes: 65_536 });
  } catch (error) {
    if (error instanceof StepError && error.code === 'HTTP_UNREACHABLE') return anonymous('there is no Google metadata server here');
    throw error;
  }
  // Whatever else answers to the name, such as a captive portal, does not send this header.
  if (response.headers['metadata-flavor'] !== 'Google') return anonymous('there is no Google metadata server here');
  if (response.status !== 200) return anonymous(`the Google metadata server gives no identity: status ${response.status}`);
  const json = (await response.json()) as Record<string, unknown> | null;
  const [token, seconds] = [json?.['access_token'], json?.['expires_in']];
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(token)) {
    throw refusedError('REGISTRY_TOKEN_INVALID', `cannot ${what}: the answer holds no usable token`);
  }
  const password = { kind: 'password', name: 'identity from the Google metadata server', username: 'oauth2accesstoken', password: token } as const;
  registerSecret(token);
  registerSecret(`${password.username}:${token}`);
  const lifetime = typeof seconds === 'number' && seconds > 0 ? Math.min(seconds, MAX_LIFETIME_S) : 0;
  return { login: password, until: now() + Math.max(lifetime - MARGIN_S, lifetime / 2) * 1000 };
}
