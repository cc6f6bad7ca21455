// SPDX-License-Identifier: Apache-2.0

export type MemoOptions<T> = {
  maxEntries: number;
  maxBytes: number;
  /** How long a value is kept, in milliseconds. */
  ttlMs: (value: T) => number;
  /** What keeping it costs, key included. */
  bytes: (key: string, value: T) => number;
  now: () => number;
};

/** How a value was come by: it was there, somebody was making it already, or it was made. */
export type MemoWay = 'hit' | 'joined' | 'miss';

/** Values by key, each made once at a time. */
export type Memo<T> = {
  /** The kept value, or what `make` gives; a call while it is being made waits for that one. What `make` throws goes to all who wait and is not kept. */
  get(key: string, make: () => Promise<T>, onWay?: (way: MemoWay) => void): Promise<T>;
  size(): { entries: number; bytes: number };
};

type Entry<T> = { value: T; until: number; bytes: number };

/** A memo bounded in entries and in bytes; what was used longest ago goes first. */
export function createMemo<T>({ maxEntries, maxBytes, ttlMs, bytes, now }: MemoOptions<T>): Memo<T> {
  const entries = new Map<string, Entry<T>>();
  const flights = new Map<string, Promise<T>>();
  let held = 0;

  function drop(key: string): void {
    held -= entries.get(key)?.bytes ?? 0;
    entries.delete(key);
  }

  function find(key: string): Entry<T> | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until <= now()) {
      drop(key);
      return undefined;
    }
    // The map keeps the order of insertion, so this makes it the youngest.
    entries.delete(key);
    entries.set(key, entry);
    return entry;
  }

  function keep(key: string, value: T): void {
    const entry = { value, until: now() + ttlMs(value), bytes: bytes(key, value) };
    if (entry.bytes > maxBytes) return;
    drop(key);
    entries.set(key, entry);
    held += entry.bytes;
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries && held <= maxBytes) break;
      drop(oldest);
    }
  }

  return {
    get(key, make, onWay = () => {}) {
      const known = find(key);
      const running = flights.get(key);
      onWay(known ? 'hit' : running ? 'joined' : 'miss');
      if (known) return Promise.resolve(known.value);
      if (running) return running;
      const flight = make()
        .then((value) => {
          keep(key, value);
          return value;
        })
        .finally(() => flights.delete(key));
      flights.set(key, flight);
      return flight;
    },
    size: () => ({ entries: entries.size, bytes: held }),
  };
}
