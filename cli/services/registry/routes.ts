// SPDX-License-Identifier: Apache-2.0
import { isDigest } from '../../../lib/reference/digest.ts';

/** What a request path names (OCI distribution spec 1.1, "Endpoints"). */
export type Route =
  | { kind: 'ping' }
  | { kind: 'blob'; repository: string; digest: string }
  | { kind: 'uploads'; repository: string }
  | { kind: 'upload'; repository: string; id: string }
  | { kind: 'manifest'; repository: string; reference: { tag: string } | { digest: string } }
  | { kind: 'tags'; repository: string }
  | { kind: 'referrers'; repository: string; digest: string }
  | { kind: 'invalid'; code: 'NAME_INVALID' | 'DIGEST_INVALID' | 'TAG_INVALID' | 'NOT_FOUND' };

const MAX_PATH = 1024;
const MAX_NAME = 255;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const UPLOAD_ID = /^[0-9a-f-]{36}$/;

/** The route of a raw request path (before `?`, not decoded: no valid path holds an escape). */
export function parseRoute(path: string): Route {
  if (path === '/v2/' || path === '/v2') return { kind: 'ping' };
  if (!path.startsWith('/v2/') || path.length > MAX_PATH) return { kind: 'invalid', code: 'NOT_FOUND' };
  const parts = path.slice('/v2/'.length).split('/');
  const last = parts.at(-1) ?? '';
  const noun = parts.at(-2) ?? '';
  if (noun === 'uploads' && parts.at(-3) === 'blobs') return named(parts.slice(0, -3), (repository) => uploadRoute(repository, last));
  if (last === 'uploads' && noun === 'blobs') return named(parts.slice(0, -2), (repository) => ({ kind: 'uploads', repository }));
  const repository = parts.slice(0, -2);
  switch (noun) {
    case 'blobs':
      return named(repository, (name) => (isDigest(last) ? { kind: 'blob', repository: name, digest: last } : { kind: 'invalid', code: 'DIGEST_INVALID' }));
    case 'manifests':
      return named(repository, (name) => manifestRoute(name, last));
    case 'referrers':
      return named(repository, (name) =>
        isDigest(last) ? { kind: 'referrers', repository: name, digest: last } : { kind: 'invalid', code: 'DIGEST_INVALID' },
      );
    case 'tags':
      return last === 'list' ? named(repository, (name) => ({ kind: 'tags', repository: name })) : { kind: 'invalid', code: 'NOT_FOUND' };
    default:
      return { kind: 'invalid', code: 'NOT_FOUND' };
  }
}

/** Whether the text is a repository name of at most 255 characters. */
export function isRepositoryName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_NAME && name.split('/').every((component) => COMPONENT.test(component));
}

function named(components: string[], route: (repository: string) => Route): Route {
  const name = components.join('/');
  return isRepositoryName(name) ? route(name) : { kind: 'invalid', code: 'NAME_INVALID' };
}

function uploadRoute(repository: string, id: string): Route {
  if (id === '') return { kind: 'uploads', repository };
  return UPLOAD_ID.test(id) ? { kind: 'upload', repository, id } : { kind: 'invalid', code: 'NOT_FOUND' };
}

function manifestRoute(repository: string, reference: string): Route {
  if (isDigest(reference)) return { kind: 'manifest', repository, reference: { digest: reference } };
  if (reference.includes(':')) return { kind: 'invalid', code: 'DIGEST_INVALID' };
  return TAG.test(reference) ? { kind: 'manifest', repository, reference: { tag: reference } } : { kind: 'invalid', code: 'TAG_INVALID' };
}
