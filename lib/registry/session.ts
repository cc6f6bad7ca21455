// SPDX-License-Identifier: Apache-2.0
import { refusedError, type StepError } from '../errors/errors.ts';
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { createAuthorizer } from './auth.ts';
import { type Credential, type Credentials, hintOf } from './credentials.ts';
import { allowsPlainHttp, registryBase } from './endpoint.ts';

export type RepositoryName = { registry: string; repository: string };
/** What a request needs the right to do; each includes pull. */
export type Action = 'pull' | 'push' | 'delete';

export type RegistryRequest = Omit<HttpRequest, 'url' | 'renew'> & {
  repository: RepositoryName;
  action: Action;
  /** Path under `/v2/<repository>/`, or a whole URL that the registry gave (upload location, next page). */
  path: string | URL;
  /** Another repository in the same registry that is read by this request (a cross-repository mount). */
  alsoPull?: string;
  /** As in HttpRequest; the login for the new place is added here. */
  renew?: () => Promise<Place>;
};

/** Where a request goes, and headers that depend on it. */
export type Place = { url: URL; headers?: Record<string, string> };

export type SessionOptions = {
  http: Http;
  credentials: Credentials;
  insecureRegistries: readonly string[];
  now: () => number;
};

/** Authorised requests to registries. */
export type Session = {
  /** Sends with the credential of the repository; a 401 gets one new login. Other statuses are the caller's. */
  send(request: RegistryRequest): Promise<HttpResponse>;
  /** The absolute URL of a Location or Link that a registry gave at `from`. Throws refused REGISTRY_LOCATION_INVALID. */
  resolveUrl(repository: RepositoryName, location: string, from: URL): URL;
  url(repository: RepositoryName, path: string): URL;
  /** The credential that requests to the repository carry where the registry asks for one. */
  credential(repository: RepositoryName): Credential;
  /** The error for a response that is no success, with the credential that was used; the caller throws it. */
  refuse(response: HttpResponse, what: string, repository: RepositoryName, code?: string): Promise<StepError>;
};

/** A session; tokens live as long as it does. Authorization goes to the registry's own origin only. */
export function createSession(options: SessionOptions): Session {
  const { http, insecureRegistries } = options;
  const authorizer = createAuthorizer(options);
  const url = (repository: RepositoryName, path: string): URL =>
    new URL(`${registryBase(repository.registry, insecureRegistries)}/v2/${repository.repository}/${path}`);

  async function send(request: RegistryRequest): Promise<HttpResponse> {
    const { repository, action, path, alsoPull, renew, ...rest } = request;
    const target = typeof path === 'string' ? url(repository, path) : path;
    const scope = { ...repository, action, ...(alsoPull !== undefined && { alsoPull }) };
    const isOwn = (place: URL): boolean => place.origin === url(repository, '').origin;
    let used: string | undefined;
    const loginFor = async (place: URL): Promise<Record<string, string>> => {
      const authorization = isOwn(place) ? await authorizer.authorization(scope) : undefined;
      used = authorization;
      return authorization === undefined ? {} : { authorization };
    };
    let isSpent = false;
    const renewed = renew && {
      renew: async () => {
        isSpent = true;
        const place = await renew();
        return { url: place.url.href, headers: { ...place.headers, ...(await loginFor(place.url)) } };
      },
    };
    const attempt = async (place: Place): Promise<HttpResponse> => {
      const headers = { ...rest.headers, ...place.headers, ...(await loginFor(place.url)) };
      return http({ ...rest, ...renewed, url: place.url.href, headers, saysRateLimit });
    };
    const first = await attempt({ url: target });
    if (first.status !== 401 || !isOwn(new URL(first.url ?? target.href))) return first;
    if (!(await authorizer.challenged(scope, first, used))) return first;
    return attempt(isSpent && renew !== undefined ? await renew() : { url: target });
  }

  const credential = (repository: RepositoryName): Credential => options.credentials(repository.registry, repository.repository);

  return {
    send,
    url,
    credential,
    resolveUrl: (repository, location, from) => locationUrl(repository, location, from, insecureRegistries),
    refuse(response, what, repository, code) {
      const byStatus = response.status === 401 ? 'REGISTRY_UNAUTHORIZED' : response.status === 403 ? 'REGISTRY_DENIED' : (code ?? 'REGISTRY_REFUSED');
      const used = credential(repository);
      const isAboutRights = response.status === 401 || response.status === 403 || response.status === 404;
      return refusal(response, what, { credential: used.name, code: byStatus, ...(isAboutRights && hintOf(used)) });
    },
  };
}

/**
 * Whether an error answer is the TOOMANYREQUESTS of the distribution spec ("Error Codes"), which some registries send with
 * another status than 429: told from a refusal or an absence, both of which are final.
 */
function saysRateLimit(body: Buffer): boolean {
  try {
    const { errors } = JSON.parse(body.toString('utf8')) as { errors?: unknown };
    return Array.isArray(errors) && errors.some((error: unknown) => isRateLimitCode((error as { code?: unknown } | null)?.code));
  } catch {
    return false;
  }
}

function isRateLimitCode(code: unknown): boolean {
  return typeof code === 'string' && code.replaceAll('_', '').toUpperCase() === 'TOOMANYREQUESTS';
}

function locationUrl(repository: RepositoryName, location: string, from: URL, insecureRegistries: readonly string[]): URL {
  const url = URL.parse(location, from.href);
  const refuse = (why: string): never => {
    throw refusedError('REGISTRY_LOCATION_INVALID', `${repository.registry} sends on to a place that is not acceptable: ${why}`);
  };
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return refuse('it is not an http or https URL');
  if (url.username !== '' || url.password !== '') return refuse('its URL carries a credential');
  if (url.protocol === 'http:' && !allowsPlainHttp(url.host, insecureRegistries)) return refuse(`${url.host} would be spoken to in plain HTTP`);
  return url;
}
