// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256Digest } from '../../../lib/reference/digest.ts';
import { MEDIA_TYPE } from '../../../lib/registry/oci.ts';
import { type RegistryKit, startKit } from './test-kit.ts';

let kit: RegistryKit;
const ask: RegistryKit['ask'] = (...request) => kit.ask(...request);
const pushManifest: RegistryKit['pushManifest'] = (...manifest) => kit.pushManifest(...manifest);

beforeEach(async () => {
  kit = await startKit();
});
afterEach(() => kit.close());

describe('hostile and unlucky clients', () => {
  test.each<[Record<string, string>, number]>([
    [{ host: 'evil.example.com' }, 403],
    [{ host: '127.0.0.1.evil.example.com:80' }, 403],
    [{ origin: 'https://evil.example.com' }, 403],
    [{ host: 'localhost:1' }, 200],
    [{ host: '[::1]:1' }, 200],
  ])('headers %j give %i', async (headers, status) => {
    expect((await ask('GET', '/v2/', undefined, headers)).status).toBe(status);
  });

  test.each(['POST', 'PATCH', 'OPTIONS'])('%s is not served on a manifest', async (method) => {
    expect((await ask(method, '/v2/app/web/manifests/v1')).status).toBe(405);
  });

  test('raw bytes do not bring it down', async () => {
    const raw = (bytes: Buffer | string): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(kit.server.port, '127.0.0.1', () => socket.end(bytes));
        socket.on('data', () => undefined);
        socket.on('error', () => resolve());
        socket.on('close', () => resolve());
      });
    await raw(randomBytes(5000));
    await raw(`GET ${'/v2/'.repeat(10_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    await raw('GET /v2/../../../etc/passwd HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await raw('PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n{');
    await raw('POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n');
    expect((await ask('GET', '/v2/')).status).toBe(200);
  });

  test('a chunk that was cut can be gone on with', async () => {
    const location = String((await ask('POST', '/v2/app/web/blobs/uploads/')).headers['location']);
    await new Promise<void>((resolve) => {
      const request = httpRequest(`${kit.server.url}${location}`, { method: 'PATCH', headers: { 'content-length': '10' } });
      request.on('error', () => resolve());
      request.write('01234', () => setTimeout(() => request.destroy(new Error('cut')), 50));
    });
    let range: unknown;
    for (let tries = 0; tries < 50 && range !== '0-4'; tries += 1) range = (await ask('GET', location)).headers['range'];
    expect(range).toBe('0-4');
    const digest = sha256Digest('0123456789');
    let done = await ask('PUT', `${location}?digest=${digest}`, Buffer.from('56789'));
    for (let tries = 0; tries < 50 && done.status !== 201; tries += 1) done = await ask('PUT', `${location}?digest=${digest}`, Buffer.from('56789'));
    expect(done.status).toBe(201);
  });
});

test('what was answered with 201 is there after a kill', async () => {
  await kit.server.close();
  const program = fileURLToPath(new URL('./registry.ts', import.meta.url));
  const script = `import(${JSON.stringify(program)}).then(async ({ startRegistry }) => {
    const quiet = { info() {}, warn() {}, error() {}, progress() {} };
    console.log((await startRegistry({ dir: ${JSON.stringify(kit.dir)}, host: '127.0.0.1', port: 0, log: quiet })).url);
  })`;
  const child = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve) => child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim())));
  kit.server = { url, port: 0, close: async () => undefined };
  const tags: string[] = [];
  const pushing = (async () => {
    for (let n = 0; ; n += 1) {
      await pushManifest(`t${n}`, {
        annotations: { n: String(n) },
        subject: { mediaType: MEDIA_TYPE.ociManifest, digest: `sha256:${'5'.repeat(64)}`, size: 7 },
      });
      tags.push(`t${n}`);
    }
  })().catch(() => undefined);
  while (tags.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await Promise.all([exited, pushing]);
  await kit.restart();
  const listed: string[] = JSON.parse((await ask('GET', '/v2/app/web/tags/list')).body.toString()).tags;
  for (const tag of listed) expect((await ask('GET', `/v2/app/web/manifests/${tag}`)).status).toBe(200);
  expect(listed).toEqual(expect.arrayContaining(tags));
  const referrers = JSON.parse((await ask('GET', `/v2/app/web/referrers/sha256:${'5'.repeat(64)}`)).body.toString()).manifests;
  expect(referrers.length).toBeGreaterThanOrEqual(tags.length);
});
