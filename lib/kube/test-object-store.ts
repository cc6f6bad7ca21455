// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from './resource.ts';

export type Change = { version: number; type: 'ADDED' | 'MODIFIED' | 'DELETED'; path: string; object: KubeObject };

/** Objects by path with one version counter and a history, as etcd keeps them for an API server. */
export type ObjectStore = {
  put: (path: string, object: object) => KubeObject;
  remove: (path: string) => void;
  get: (path: string) => KubeObject | undefined;
  in: (collection: string) => KubeObject[];
  version: () => number;
  /** Changes after a version, or undefined when the history does not reach back to it. */
  since: (version: number) => Change[] | undefined;
  compact: () => void;
};

export function createObjectStore(onChange: (change: Change) => void): ObjectStore {
  const objects = new Map<string, KubeObject>();
  let changes: Change[] = [];
  let version = 100;
  let oldest = 0;

  function record(type: Change['type'], path: string, object: KubeObject): KubeObject {
    version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    if (type === 'DELETED') objects.delete(path);
    else objects.set(path, stored);
    const change = { version, type, path, object: stored };
    changes.push(change);
    onChange(change);
    return stored;
  }

  function put(path: string, object: object): KubeObject {
    const before = objects.get(path);
    const [namespace, name] = placeOf(path);
    const given = object as Partial<KubeObject>;
    const fresh = { uid: `uid-${version + 1}`, generation: 1, creationTimestamp: '2026-03-01T12:00:00Z' };
    const metadata = { ...fresh, ...before?.metadata, ...given.metadata, name, ...(namespace && { namespace }) };
    return record(before ? 'MODIFIED' : 'ADDED', path, { ...given, metadata });
  }

  function remove(path: string): void {
    const before = objects.get(path);
    if (before) record('DELETED', path, before);
  }

  function compact(): void {
    version += 1;
    oldest = version;
    changes = [];
  }

  return {
    put,
    remove,
    get: (path) => objects.get(path),
    in: (collection) => [...objects].filter(([path]) => belongs(path, collection)).map(([, object]) => object),
    version: () => version,
    since: (from) => (from < oldest ? undefined : changes.filter((change) => change.version > from)),
    compact,
  };
}

/** `/apis/g/v/namespaces/n/things/x` lies in `/apis/g/v/namespaces/n/things` and in `/apis/g/v/things`. */
export function belongs(path: string, collection: string): boolean {
  const parent = path.slice(0, path.lastIndexOf('/'));
  return parent === collection || parent.replace(/\/namespaces\/[^/]+/, '') === collection;
}

function placeOf(path: string): [string | undefined, string] {
  const parts = path.split('/');
  const at = parts.indexOf('namespaces');
  return [at > 0 ? parts[at + 1] : undefined, parts.at(-1) ?? ''];
}
