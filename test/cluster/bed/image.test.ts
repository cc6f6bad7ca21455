// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RegistryServer, startRegistry } from '../../../cli/services/registry/registry.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import type { PeerImage } from './component.ts';
import { type ImagePlace, pushPeerImage } from './image.ts';

let room: string;
let server: RegistryServer;
let writes: string[];
let place: ImagePlace;
beforeEach(async () => {
  room = mkdtempSync(join(tmpdir(), 'bed-image-'));
  writeFileSync(join(room, 'server'), 'program');
  chmodSync(join(room, 'server'), 0o755);
  writeFileSync(join(room, 'config'), 'a: b\n', { mode: 0o600 });
  await openRegistry('first');
});
afterEach(async () => {
  await server.close();
  rmSync(room, { recursive: true, force: true });
});

async function openRegistry(name: string): Promise<void> {
  writes = [];
  const note = ({ method, path }: { method: string; path: string }): undefined => {
    if (method === 'PUT') writes.push(path);
  };
  server = await startRegistry({ dir: join(room, name), host: '127.0.0.1', port: 0, log: silentLogger, faults: note });
  place = { memo: join(room, 'memo'), registry: `127.0.0.1:${server.port}` };
}

const image = (changes: Partial<PeerImage> = {}): PeerImage => ({
  name: 'server',
  files: { '/bin/server': join(room, 'server'), '/etc/server.yaml': join(room, 'config') },
  entrypoint: ['/bin/server'],
  env: { MODE: 'test' },
  ...changes,
});
const fetchJson = async (path: string) => (await fetch(`${server.url}/v2/peers/server/${path}`)).json();

test('has the files, a user without rights, and the entrypoint', async () => {
  const reference = await pushPeerImage(place, image());
  expect(reference).toMatch(new RegExp(`^127\\.0\\.0\\.1:${server.port}/peers/server@sha256:[0-9a-f]{64}$`));
  const manifest = (await fetchJson(`manifests/${reference.split('@')[1]}`)) as { config: { digest: string }; layers: { mediaType: string; digest: string }[] };
  expect(await fetchJson(`blobs/${manifest.config.digest}`)).toMatchObject({
    os: 'linux',
    config: { User: '65532', Entrypoint: ['/bin/server'], Env: expect.arrayContaining(['MODE=test']) },
  });
  expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual(['application/vnd.oci.image.layer.v1.tar']);
  const tar = Buffer.from(await (await fetch(`${server.url}/v2/peers/server/blobs/${manifest.layers[0]?.digest}`)).arrayBuffer()).toString('latin1');
  expect(tar).toMatch(/^tmp\/\0+0001777\0[\s\S]*bin\/server\0+0000755\0[\s\S]*program[\s\S]*etc\/server\.yaml\0+0000644\0[\s\S]*a: b\n/);
});

test('is not pushed a second time, nor under another digest when files are equal in another place', async () => {
  const reference = await pushPeerImage(place, image());
  expect(writes.length).toBeGreaterThan(0);
  writes.length = 0;
  expect(await pushPeerImage(place, image())).toBe(reference);
  expect(writes).toEqual([]);
  const copy = join(room, 'copy');
  mkdirSync(copy);
  writeFileSync(join(copy, 'server'), 'program', { mode: 0o755 });
  expect(await pushPeerImage(place, image({ files: { '/etc/server.yaml': join(room, 'config'), '/bin/server': join(copy, 'server') } }))).toBe(reference);
});

test('is pushed again to a registry that lost it', async () => {
  const reference = await pushPeerImage(place, image());
  await server.close();
  await openRegistry('second');
  expect((await pushPeerImage(place, image())).split('@')[1]).toBe(reference.split('@')[1]);
  expect(writes.some((path) => path.includes('/manifests/'))).toBe(true);
});

test.each([{ entrypoint: ['/bin/server', '--debug'] }, { user: '0' }, { env: {} }])('is another one with %j', async (changes) => {
  expect(await pushPeerImage(place, image(changes))).not.toBe(await pushPeerImage(place, image()));
});

test('is another one when a file of the same size is rebuilt', async () => {
  const before = await pushPeerImage(place, image());
  writeFileSync(join(room, 'server'), 'PROGRAM');
  utimesSync(join(room, 'server'), 1, 1);
  expect(await pushPeerImage(place, image())).not.toBe(before);
});

test('of a file that is not there is refused, and nothing is pushed', async () => {
  await expect(pushPeerImage(place, image({ files: { '/bin/server': join(room, 'nothing') } }))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(writes).toEqual([]);
  expect(readdirSync(room)).not.toContain('memo');
});
