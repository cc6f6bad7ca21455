// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Registry } from '../../lib/registry/client.ts';
import { guardedRegistry } from './guarded-registry.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const IMAGE = { registry: 'registry.example.com', repository: 'app', digest: DIGEST };
const blobOf = (size: number) => ({ mediaType: 'application/octet-stream', digest: DIGEST, size });

/** A registry of which only the given parts are asked. */
const fake = (parts: Partial<Registry>) => parts as Registry;
const never = () => new Promise<never>(() => {});

async function read(registry: Registry, size: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of registry.blob(IMAGE, blobOf(size))) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('a guarded registry', () => {
  test('gives what the registry gives, as long as it fits', async () => {
    const inner = fake({
      referrers: async () => [],
      async *blob() {
        yield Buffer.from('ab');
        yield Buffer.from('cd');
      },
    });
    const registry = guardedRegistry(inner, { limitMs: 1000, maxBytes: 6, signal: AbortSignal.timeout(1000) });
    expect(await registry.referrers(IMAGE)).toEqual([]);
    expect(await read(registry, 4)).toBe('abcd');
    await expect(read(registry, 4)).rejects.toMatchObject({ kind: 'denied', code: 'EVIDENCE_TOO_LARGE' });
    expect(await read(registry, 2)).toBe('abcd');
  });

  test.each([
    ['resolve', (registry: Registry) => registry.resolve(IMAGE)],
    ['manifest', (registry: Registry) => registry.manifest(IMAGE)],
    ['referrers', (registry: Registry) => registry.referrers(IMAGE)],
    ['blob', (registry: Registry) => read(registry, 1)],
  ])('gives up on %s when time is up, and asks nothing more', async (name, ask) => {
    let asked = 0;
    const silent = () => {
      asked += 1;
      return never();
    };
    const stream = () => ({ [Symbol.asyncIterator]: () => ({ next: silent }) });
    const stop = new AbortController();
    const registry = guardedRegistry(fake({ resolve: silent, manifest: silent, referrers: silent, blob: stream }), {
      limitMs: 5,
      maxBytes: 10,
      signal: stop.signal,
    });
    const waiting = ask(registry);
    setImmediate(() => stop.abort());
    await expect(waiting, name).rejects.toMatchObject({ kind: 'transient', code: 'JUDGEMENT_TOO_LONG' });
    await expect(ask(registry)).rejects.toMatchObject({ code: 'JUDGEMENT_TOO_LONG' });
    expect(asked).toBe(1);
  });
});
