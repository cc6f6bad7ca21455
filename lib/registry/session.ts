// SPDX-License-Identifier: Apache-2.0
import { refusedError, type StepError } from '../errors/errors.ts';
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { createAuthorizer } from './auth.ts';
import type { Credentials } from './credentials.ts';
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
  /** As in HttpRequest; the headers for the new place are added here. */
  renew?: () => Promise<URL>;
};

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
  /** Which credential requests to the repository carry, in words. */
  credentialName(repository: RepositoryName): string;
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
    const headersFor = async (place: URL): Promise<Record<string, string>> => {
      const authorization = isOwn(place) ? await authorizer.authorization(scope) : undefined;
      return authorization === undefined ? {} : { authorization };
    };
    const attempt = async (): Promise<{ response: HttpResponse; used: string | undefined }> => {
      const own = await headersFor(target);
      const renewed = renew === undefined ? {} : { renew: async () => renewPlace(await renew(), headersFor) };
      const response = await http({ ...rest, ...renewed, url: target.href, headers: { ...rest.headers, ...own } });
      return { response, used: own['authorization'] };
    };
    const first = await attempt();
    if (first.response.status !== 401 || !isOwn(new URL(first.response.url ?? target.href))) return first.response;
    const canRetry = await authorizer.challenged(scope, first.response, first.used);
    return canRetry ? (await attempt()).response : first.response;
  }

  const credentialName = (repository: RepositoryName): string => options.credentials(repository.registry, repository.repository).name;

  return {
    send,
    url,
    credentialName,
    resolveUrl: (repository, location, from) => locationUrl(repository, location, from, insecureRegistries),
    refuse(response, what, repository, code) {
      const byStatus = response.status === 401 ? 'REGISTRY_UNAUTHORIZED' : response.status === 403 ? 'REGISTRY_DENIED' : (code ?? 'REGISTRY_REFUSED');
      return refusal(response, what, { credential: credentialName(repository), code: byStatus });
    },
  };
}

async function renewPlace(place: URL, headersFor: (place: URL) => Promise<Record<string, string>>): Promise<{ url: string; headers: Record<string, string> }> {
  return { url: place.href, headers: await headersFor(place) };
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
