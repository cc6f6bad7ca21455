// SPDX-License-Identifier: Apache-2.0
import { type KubeObject, keyOf } from './resource.ts';

/** Objects of one collection by `namespace/name`, as a watch keeps them. */
export type ObjectCache<T extends KubeObject> = {
  get: (key: string) => T | undefined;
  values: () => Iterable<T>;
  size: () => number;
  /** Replaces everything; gives the objects that came, changed or went. */
  replace: (objects: readonly T[]) => { changed: T[]; gone: T[] };
  /** Takes one object in; false when it is not newer than what is there. */
  set: (object: T) => boolean;
  remove: (key: string) => T | undefined;
};

export function createCache<T extends KubeObject>(): ObjectCache<T> {
  let objects = new Map<string, T>();
  return {
    get: (key) => objects.get(key),
    values: () => objects.values(),
    size: () => objects.size,
    replace(next) {
      const before = objects;
      objects = new Map(next.map((object) => [keyOf(object), object]));
      const changed = next.filter((object) => before.get(keyOf(object))?.metadata.resourceVersion !== object.metadata.resourceVersion);
      const gone = [...before].filter(([key]) => !objects.has(key)).map(([, object]) => object);
      return { changed, gone };
    },
    set(object) {
      const key = keyOf(object);
      const before = objects.get(key);
      if (before && !isNewer(object, before)) return false;
      objects.set(key, object);
      return true;
    },
    remove(key) {
      const before = objects.get(key);
      objects.delete(key);
      return before;
    },
  };
}

/**
 * Whether an object is of a later version. Versions are whole numbers that grow (Kubernetes KEP-5504); one that is none counts as later, because
 * then only the order of arrival is known. Another uid is another object.
 */
export function isNewer(next: KubeObject, before: KubeObject): boolean {
  const [a, b] = [next.metadata.resourceVersion ?? '', before.metadata.resourceVersion ?? ''];
  if (next.metadata.uid !== before.metadata.uid || !/^\d+$/.test(a) || !/^\d+$/.test(b)) return true;
  return a.length === b.length ? a > b : a.length > b.length;
}
