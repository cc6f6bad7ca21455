// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RegistryServer, startRegistry } from '../../cli/services/registry/registry.ts';
import { composeLayout, type ImageParts } from '../../lib/artifact/write-layout.ts';
import { createHttp, type Http } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { createRegistry, type Registry } from '../../lib/registry/client.ts';
import { anonymousCredentials } from '../../lib/registry/credentials.ts';
import { ARCHITECTURES } from './base.ts';
import type { BuiltImage } from './built-image.ts';
import { pushImages } from './push-images.ts';
import { registryBase } from './registry-base.ts';
import { smallBase } from './test-base.ts';

let dir: string;
let server: RegistryServer;
let http: Http & { close(): void };
let registry: Registry;
let host: string;
const requests: string[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'images-registry-'));
  const faults = ({ method, path, query }: { method: string; path: string; query: URLSearchParams }) => {
    requests.push(`${method} ${path}${query.has('mount') ? ' mount' : ''}`);
    return undefined;
  };
  server = await startRegistry({ dir, host: '127.0.0.1', port: 0, log: silentLogger, faults });
  host = `127.0.0.1:${server.port}`;
  http = createHttp({ log: silentLogger });
  registry = createRegistry({ http, credentials: anonymousCredentials, log: silentLogger });
});
afterAll(async () => {
  http.close();
  await server.close();
  rmSync(dir, { recursive: true });
});

const base = smallBase();

function imageOf(name: string, change: (parts: ImageParts) => ImageParts = (parts) => parts): BuiltImage {
  const parts = [...base.images].map(([architecture, { layers, config, history }]) =>
    change({ platform: { os: 'linux', architecture }, layers, config, history }),
  );
  return { name, version: '1', layout: composeLayout(parts) };
}

async function pushed(image: BuiltImage): Promise<string> {
  const [reference = ''] = await pushImages(registry, [image], `${host}/bases`);
  return reference;
}

describe('registryBase', () => {
  test('reads what was pushed', async () => {
    const reference = await pushed(imageOf('good'));
    const found = await registryBase(registry, reference);
    expect(found.name).toBe(reference);
    expect([...found.images.keys()]).toEqual([...ARCHITECTURES]);
    expect(found.images).toEqual(base.images);
  });

  test.each(['r.example.com/node:nonroot', 'r.example.com/node', 'r.example.com/node@sha256:123', ''])(
    'refuses %j, which is no digest reference',
    async (reference) => {
      const before = requests.length;
      await expect(registryBase(registry, reference)).rejects.toThrow(
        expect.objectContaining({ kind: 'input', code: 'BASE_UNPINNED', message: expect.stringContaining('not named by digest') }),
      );
      expect(requests).toHaveLength(before);
    },
  );

  test('refuses a base without arm64, in an index and alone', async () => {
    const [amd64] = [...base.images.values()];
    const parts = { platform: { os: 'linux', architecture: 'amd64' }, layers: amd64?.layers ?? [] };
    const alone = await pushed({ name: 'alone', version: '1', layout: composeLayout([parts]) });
    const index = await pushed({ name: 'index', version: '1', layout: composeLayout([parts, { ...parts, platform: { os: 'linux', architecture: 's390x' } }]) });
    for (const reference of [alone, index]) {
      await expect(registryBase(registry, reference)).rejects.toThrow(expect.objectContaining({ code: 'BASE_PLATFORM_MISSING' }));
    }
    await expect(registryBase(registry, alone, ['amd64'])).resolves.toMatchObject({ name: alone });
  });

  test('a digest that is not there', async () => {
    await expect(registryBase(registry, `${host}/bases/good@sha256:${'0'.repeat(64)}`)).rejects.toThrow(expect.objectContaining({ code: 'MANIFEST_UNKNOWN' }));
  });
});

describe('pushImages', () => {
  test('pushes the base once and lets the registry mount it for the others', async () => {
    requests.length = 0;
    const references = await pushImages(registry, [imageOf('one'), imageOf('two')], `${host}/suite`);
    expect(references).toEqual([imageOf('one'), imageOf('two')].map(({ name, layout }) => `${host}/suite/${name}:1@${layout.root.digest}`));
    const uploads = requests.filter((line) => line.startsWith('PUT') && line.includes('/blobs/'));
    expect(uploads.every((line) => line.includes('/suite/one/'))).toBe(true);
    expect(requests.filter((line) => line.endsWith('mount') && line.includes('/suite/two/')).length).toBe(uploads.length);
    // Again: nothing is uploaded.
    requests.length = 0;
    await pushImages(registry, [imageOf('one')], `${host}/suite`);
    expect(requests.filter((line) => line.startsWith('POST'))).toEqual([]);
  });

  test('refuses a target that is no repository before it sends anything', async () => {
    requests.length = 0;
    await expect(pushImages(registry, [imageOf('one')], `${host}/UPPER`)).rejects.toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
    expect(requests).toEqual([]);
  });
});
