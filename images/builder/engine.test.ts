// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { engineArchitecture, engineSocket, loadArchive } from './engine.ts';

let dir: string;
let socket: string;
let server: Server | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-'));
  socket = join(dir, 'e.sock');
});
afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  rmSync(dir, { recursive: true });
});

type Seen = { request: string; bytes: number };
/** An engine with one answer to everything. */
async function engine(status: number, answer: string): Promise<Seen[]> {
  const seen: Seen[] = [];
  const created = createServer(async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    seen.push({ request: `${request.method} ${request.url}`, bytes });
    response.writeHead(status).end(answer);
  });
  server = created;
  await new Promise<void>((resolve) => created.listen(socket, resolve));
  return seen;
}

describe('engineSocket', () => {
  test.each([
    ['what is given', '/a.sock', { DOCKER_HOST: 'unix:///b.sock' }, '/a.sock'],
    ['DOCKER_HOST', '', { DOCKER_HOST: 'unix:///b.sock' }, '/b.sock'],
    ['the default of Docker', undefined, {}, '/var/run/docker.sock'],
  ])('is %s', (_what, given, env, expected) => {
    expect(engineSocket(given, env)).toBe(expected);
  });

  test.each(['tcp://127.0.0.1:2375', 'ssh://host', 'docker.sock', 'unix://relative.sock'])('is not %s', (given) => {
    expect(() => engineSocket(given, {})).toThrow(expect.objectContaining({ code: 'ENGINE_UNSUPPORTED' }));
  });
});

describe('loadArchive', () => {
  test('sends the tar and gives what was loaded', async () => {
    const seen = await engine(200, '{"stream":"Loaded image: a:1\\n"}\n{"stream":"Loaded image: b:1\\n"}\n');
    expect(await loadArchive(socket, Buffer.alloc(100_000))).toEqual(['Loaded image: a:1', 'Loaded image: b:1']);
    expect(seen).toEqual([{ request: 'POST /images/load?quiet=1', bytes: 100_000 }]);
  });

  test.each([
    [
      'an error in the stream of a good answer',
      200,
      '{"stream":"x"}\n{"errorDetail":{"message":"no space"},"error":"no space left on device"}\n',
      'no space left on device',
    ],
    ['a refusal', 500, '{"message":"invalid tar"}', 'with 500: {"message":"invalid tar"}'],
  ])('%s is refused', async (_what, status, answer, message) => {
    await engine(status, answer);
    await expect(loadArchive(socket, Buffer.alloc(10))).rejects.toThrow(
      expect.objectContaining({ kind: 'refused', code: 'ENGINE_REFUSED', message: expect.stringContaining(message) }),
    );
  });

  test('no engine there', async () => {
    await expect(loadArchive(socket, Buffer.alloc(10))).rejects.toThrow(expect.objectContaining({ kind: 'input', code: 'ENGINE_UNREACHABLE' }));
  });
});

describe('engineArchitecture', () => {
  test('is what the engine says', async () => {
    await engine(200, '{"Arch":"arm64","Os":"linux"}');
    expect(await engineArchitecture(socket)).toBe('arm64');
  });

  test('is neither of ours', async () => {
    await engine(200, '{"Arch":"riscv64"}');
    await expect(engineArchitecture(socket)).rejects.toThrow(expect.objectContaining({ code: 'ENGINE_UNSUPPORTED' }));
  });
});
