// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../errors/errors.ts';
import { METADATA_HOST, metadataToken } from '../google/metadata-token.ts';
import type { Http } from '../http/http.ts';
import { registerSecret } from '../log/redact.ts';
import type { Credentials, Login } from './credentials.ts';
import { allowsPlainHttp } from './endpoint.ts';

export type GoogleIdentityOptions = { http: Http; now: () => number; insecureRegistries: readonly string[] };

const GOOGLE_REGISTRY = /^(?:(?:[a-z0-9-]+\.)*gcr\.io|(?:[a-z0-9-]+\.)+pkg\.dev)$/;
const WAIT_MS = 3000;
const ATTEMPTS = 3;
const MARGIN_S = 60;
const MAX_LIFETIME_S = 3600;
const ABSENT_MS = 60_000;
/** Failures that mean that there is no identity to be had here. */
const NO_IDENTITY: Readonly<Record<string, string>> = {
  HTTP_UNREACHABLE: 'there is no Google metadata server here',
  METADATA_REFUSED: 'no Google metadata server gives an identity here',
};

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
  try {
    const { token, seconds } = await metadataToken(http, `http://${METADATA_HOST}`, { timeoutMs: WAIT_MS, attempts: ATTEMPTS });
    const password = { kind: 'password', name: 'identity from the Google metadata server', username: 'oauth2accesstoken', password: token } as const;
    registerSecret(`${password.username}:${token}`);
    const lifetime = Math.min(seconds, MAX_LIFETIME_S);
    return { login: password, until: now() + Math.max(lifetime - MARGIN_S, lifetime / 2) * 1000 };
  } catch (error) {
    const why = error instanceof StepError ? NO_IDENTITY[error.code] : undefined;
    if (why === undefined) throw error;
    return { login: { kind: 'anonymous', name: `anonymous (${why})` }, until: now() + ABSENT_MS };
  }
}
