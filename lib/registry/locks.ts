// SPDX-License-Identifier: Apache-2.0

/** Work that runs one at a time for each key. */
export type Locks = { run<T>(key: string, work: () => Promise<T>): Promise<T> };

/** Locks inside this process. */
export function createLocks(): Locks {
  const last = new Map<string, Promise<unknown>>();
  return {
    async run(key, work) {
      const before = last.get(key) ?? Promise.resolve();
      const mine = before.then(work, work);
      last.set(key, mine);
      try {
        return await mine;
      } finally {
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}
