// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import type { ClientCertificate } from '../http/agents.ts';
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts';
import { apiError } from './api-error.ts';
import type { RateLimit } from './rate-limit.ts';
import { describePlace, type KubeObject, type Place, type Resource, resourcePath } from './resource.ts';

/** Where an API server is and how to show who we are. Certificates and CA belong into `createHttp`; the token is asked for with every request. */
export type KubeConnection = {
  /** `https://host:port`, perhaps with a path. */
  server: string;
  ca?: string;
  client?: ClientCertificate;
  token?: () => Promise<string | undefined>;
  /** Default namespace of the credentials. */
  namespace: string;
};

export type ListOptions = {
  namespace?: string | undefined;
  fieldSelector?: string;
  labelSelector?: string;
  limit?: number;
  /** What to keep of an object, undefined for nothing; called page by page, so that a large list never stands in memory whole. */
  select?: (object: KubeObject) => KubeObject | undefined;
};
export type ObjectList = { items: KubeObject[]; resourceVersion: string };
export type JsonPatch = readonly { op: 'add' | 'replace' | 'remove' | 'test'; path: string; value?: unknown }[];

export type KubeClient = {
  get: (resource: Resource, place: Place & { name: string }) => Promise<KubeObject>;
  /** All objects, read in pages. */
  list: (resource: Resource, options?: ListOptions) => Promise<ObjectList>;
  create: (resource: Resource, object: object, place?: Place) => Promise<KubeObject>;
  /** Replaces the object; it has to carry the resourceVersion that was read, so that a change in between is a conflict. */
  update: (resource: Resource, object: KubeObject, place?: Place) => Promise<KubeObject>;
  /** A JSON patch (RFC 6902); one that replaces `/metadata/resourceVersion` by the value that was read conflicts with a change in between. */
  patch: (resource: Resource, place: Place & { name: string }, patch: JsonPatch) => Promise<KubeObject>;
  /** The open answer of a watch, line by line JSON; see `watchObjects`. */
  watch: (resource: Resource, options: WatchRequest) => Promise<HttpResponse>;
};

export type WatchRequest = { namespace?: string | undefined; resourceVersion: string; timeoutSeconds: number; silenceMs: number };
export type KubeClientOptions = { http: Http; connection: Pick<KubeConnection, 'server' | 'token'>; rateLimit?: RateLimit };

const PAGE = 500;
const MAX_PAGE_BYTES = 256 * 1024 * 1024;
const MAX_OBJECT_BYTES = 8 * 1024 * 1024;

/**
 * A client of the Kubernetes REST API for any resource. Answers are the server's objects as they came. Throws refused KUBE_UNAUTHORIZED (401),
 * KUBE_FORBIDDEN (403), KUBE_NOT_FOUND (404), KUBE_CONFLICT or KUBE_ALREADY_EXISTS (409), KUBE_GONE (410), KUBE_INVALID (400, 422), KUBE_REFUSED,
 * KUBE_ANSWER_INVALID, and what `http` throws (429 and 5xx, after its retries).
 */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const call = (request: HttpRequest): Promise<KubeObject> => callObject(options, request);
  const write = (method: string, what: string, path: string, body: unknown, type = 'application/json'): Promise<KubeObject> =>
    call({
      what,
      method,
      url: urlOf(options, path),
      headers: { 'content-type': type },
      body: Buffer.from(JSON.stringify(body)),
      maxBytes: MAX_OBJECT_BYTES,
      // Sent twice, a change with the version in it is a conflict, and a create with a name exists already; one with a generated name would make two objects.
      retryable: method !== 'POST' || hasName(body),
    });
  return {
    get: (resource, place) =>
      call({ what: `read ${describePlace(resource, place)}`, url: urlOf(options, resourcePath(resource, place)), maxBytes: MAX_OBJECT_BYTES }),
    list: (resource, listOptions = {}) => listAll(options, resource, listOptions),
    create: (resource, object, place = {}) => write('POST', `create ${describePlace(resource, place)}`, resourcePath(resource, place), object),
    update: (resource, object, place = {}) => {
      const { name, namespace } = object.metadata;
      const at = { namespace, name, ...place };
      return write('PUT', `update ${describePlace(resource, at)}`, resourcePath(resource, at), object);
    },
    patch: (resource, place, patch) =>
      write('PATCH', `patch ${describePlace(resource, place)}`, resourcePath(resource, place), patch, 'application/json-patch+json'),
    watch: (resource, request) => openWatch(options, resource, request),
  };
}

async function send({ http, connection, rateLimit }: KubeClientOptions, request: HttpRequest): Promise<HttpResponse> {
  await rateLimit?.take();
  const token = await connection.token?.();
  const headers = { accept: 'application/json', ...request.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const response = await http({ ...request, headers });
  if (response.status >= 200 && response.status < 300) return response;
  throw apiError(request.what, response.status, await response.json().catch(() => undefined));
}

async function callObject(options: KubeClientOptions, request: HttpRequest): Promise<KubeObject> {
  const body = await (await send(options, request)).json();
  if (isObject(body)) return body;
  throw refusedError('KUBE_ANSWER_INVALID', `cannot ${request.what}: the answer is no Kubernetes object`, { hint: 'check that the server is an API server' });
}

async function listAll(
  options: KubeClientOptions,
  resource: Resource,
  { namespace, limit = PAGE, select = (object) => object, ...selectors }: ListOptions,
): Promise<ObjectList> {
  const items: KubeObject[] = [];
  const what = `list ${describePlace(resource, { namespace })}`;
  for (let next: string | undefined = ''; ; ) {
    const query: Record<string, string> = { limit: String(limit), ...selectors, ...(next && { continue: next }) };
    const page = await callObject(options, { what, url: urlOf(options, resourcePath(resource, { namespace }), query), maxBytes: MAX_PAGE_BYTES });
    const found = page['items'] ?? [];
    if (!Array.isArray(found) || !found.every(isObject)) throw refusedError('KUBE_ANSWER_INVALID', `cannot ${what}: the answer is no list`);
    for (const item of found) {
      const kept = select(item);
      if (kept) items.push(kept);
    }
    next = typeof page.metadata['continue'] === 'string' ? page.metadata['continue'] : '';
    if (!next) return { items, resourceVersion: page.metadata.resourceVersion ?? '' };
  }
}

function openWatch(
  options: KubeClientOptions,
  resource: Resource,
  { namespace, resourceVersion, timeoutSeconds, silenceMs }: WatchRequest,
): Promise<HttpResponse> {
  const query = { watch: 'true', allowWatchBookmarks: 'true', resourceVersion, timeoutSeconds: String(timeoutSeconds) };
  return send(options, {
    what: `watch ${describePlace(resource, { namespace })}`,
    url: urlOf(options, resourcePath(resource, { namespace }), query),
    timeoutMs: silenceMs,
    // A watch that broke is taken up by who watches, from the last version seen; as a download it cannot be resumed.
    retryable: false,
  });
}

function urlOf({ connection }: KubeClientOptions, path: string, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `${connection.server.replace(/\/+$/, '')}${path}${search === '' ? '' : `?${search}`}`;
}

function hasName(body: unknown): boolean {
  return isObject(body) && Boolean(body.metadata.name);
}

function isObject(value: unknown): value is KubeObject {
  return typeof value === 'object' && value !== null && 'metadata' in value && typeof value.metadata === 'object' && value.metadata !== null;
}
