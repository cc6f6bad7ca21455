// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderServer } from './serve-folder.ts';

let outside: string;
let port: number;
let close: () => Promise<void>;
beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), 'serve-folder-'));
  const folder = join(outside, 'served');
  for (const dir of ['tile/0/000.p', '.state', '.well-known']) await mkdir(join(folder, dir), { recursive: true });
  for (const file of ['checkpoint', 'tile/0/000.p/3', '.state/secret', '.well-known/openid-configuration']) await writeFile(join(folder, file), file);
  await writeFile(join(outside, 'secret'), 'secret');
  await symlink(join(outside, 'secret'), join(folder, 'link'));
  const server = folderServer(folder).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  close = async () => {
    server.close();
    await rm(outside, { recursive: true, force: true });
  };
});
afterAll(() => close());

/** With the path as it is: fetch would take dots out of it. */
async function ask(path: string, method = 'GET'): Promise<{ status: number | undefined; body: string }> {
  const asked = request({ host: '127.0.0.1', port, path, method, agent: false }).end();
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, body: await text(response) };
}

test.each(['checkpoint', 'tile/0/000.p/3', '.well-known/openid-configuration'])('serves %s', async (file) => {
  expect(await ask(`/${file}`)).toEqual({ status: 200, body: file });
  expect(await ask(`/${file}?v=1`, 'HEAD')).toEqual({ status: 200, body: '' });
});

test('serves the file that stands there now', async () => {
  await writeFile(join(outside, 'served', 'checkpoint'), 'newer');
  expect(await ask('/checkpoint')).toEqual({ status: 200, body: 'newer' });
  await writeFile(join(outside, 'served', 'checkpoint'), 'checkpoint');
});

test.each([
  '/',
  '/tile',
  '/tile/',
  '/nowhere',
  '/checkpoint/x',
  '/../secret',
  '/tile/../../secret',
  '/%2e%2e/secret',
  '//secret',
  '/.state/secret',
  '/link',
  '/a%00b',
])('has nothing at %s', async (path) => {
  expect(await ask(path)).toEqual({ status: 404, body: '' });
});

test.each(['PUT', 'POST', 'DELETE'])('takes no %s', async (method) => {
  expect((await ask('/checkpoint', method)).status).toBe(405);
});
