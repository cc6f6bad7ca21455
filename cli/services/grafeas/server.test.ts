// SPDX-License-Identifier: Apache-2.0
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../lib/log/log.ts';
import { type RunningGrafeas, startGrafeas } from './server.ts';

let dir: string;
let running: RunningGrafeas;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'grafeas-'));
  running = await start();
});
afterEach(async () => {
  await running.close();
  await rm(dir, { recursive: true, force: true });
});

const start = (): Promise<RunningGrafeas> => startGrafeas({ dir, host: '127.0.0.1', port: 0, log: silentLogger });

type Answer = { status: number; json: Record<string, unknown> };

async function call(path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(
    `${running.url}/v1beta1/${path}`,
    body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) },
  );
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

const NOTE = { kind: 'BUILD', build: { builderVersion: 'x' } };
const build = (id: number, noteName = 'projects/p/notes/n'): Record<string, unknown> => ({
  noteName,
  resource: { uri: `u${id}` },
  kind: 'BUILD',
  build: { provenance: { id: String(id) } },
});
const uris = ({ json }: Answer): string[] => ((json['occurrences'] ?? []) as { resource: { uri: string } }[]).map(({ resource }) => resource.uri).sort();

describe('notes', () => {
  test('are created once, listed and read', async () => {
    expect(await call('projects/p/notes?noteId=n', NOTE)).toMatchObject({
      status: 200,
      json: { name: 'projects/p/notes/n', ...NOTE, createTime: expect.any(String) },
    });
    expect(await call('projects/p/notes?note_id=n', NOTE)).toMatchObject({ status: 409, json: { code: 6 } });
    expect(await call('projects/p/notes:batchCreate', { notes: { n: NOTE, m: NOTE } })).toMatchObject({
      status: 200,
      json: { notes: [{ name: 'projects/p/notes/m' }] },
    });
    expect((await call('projects/p/notes/m')).json).toMatchObject(NOTE);
    expect((await call('projects/p/notes')).json).toMatchObject({ notes: [{ name: 'projects/p/notes/m' }, { name: 'projects/p/notes/n' }] });
    expect(await call('projects/q/notes')).toEqual({ status: 200, json: {} });
    expect(await call('projects/p/notes/none')).toMatchObject({ status: 404, json: { code: 5 } });
  });

  test.each([
    ['no id', 'projects/p/notes', NOTE],
    ['a path as id', 'projects/p/notes?noteId=a/b', NOTE],
    ['an unknown member', 'projects/p/notes?noteId=x', { ...NOTE, invented: 1 }],
    ['no type', 'projects/p/notes?noteId=x', { kind: 'BUILD' }],
    ['two types', 'projects/p/notes?noteId=x', { ...NOTE, discovery: {} }],
    ['a kind of the other version', 'projects/p/notes?noteId=x', { ...NOTE, kind: 'DSSE_ATTESTATION' }],
    ['no JSON', 'projects/p/notes?noteId=x', '{'],
    ['an empty batch', 'projects/p/occurrences:batchCreate', { occurrences: [] }],
    ['an occurrence without resource', 'projects/p/occurrences', { ...build(1), resource: {} }],
    ['an occurrence without details', 'projects/p/occurrences', { noteName: 'projects/p/notes/n', resource: { uri: 'u' } }],
    ['a v1 occurrence', 'projects/p/occurrences', { ...build(1), resourceUri: 'u' }],
    ['a note name that is none', 'projects/p/occurrences', build(1, 'n')],
  ])('%s is refused', async (_, path, body) => {
    expect(await call(path, body)).toMatchObject({ status: 400, json: { code: 3, message: expect.any(String) } });
  });
});

describe('occurrences', () => {
  beforeEach(async () => {
    await call('projects/p/notes?noteId=n', NOTE);
  });

  test('are kept under new names, equal ones too', async () => {
    const { json: one } = await call('projects/p/occurrences', build(1));
    const { json: two } = await call('projects/p/occurrences', build(1));
    expect(one['name']).not.toBe(two['name']);
    expect((await call(`${one['name']}`)).json).toEqual(one);
    expect((await call(`${one['name']}/notes`)).json).toMatchObject({ name: 'projects/p/notes/n' });
    expect(await call('projects/p/occurrences/none')).toMatchObject({ status: 404 });
    expect(await call(`projects/q/occurrences/${String(one['name']).split('/').at(-1)}`)).toMatchObject({ status: 404 });
  });

  test('a batch is whole or not at all', async () => {
    expect(
      await call('projects/p/occurrences:batchCreate', { parent: 'projects/p', occurrences: [build(1), build(2, 'projects/p/notes/none')] }),
    ).toMatchObject({ status: 404 });
    expect(uris(await call('projects/p/occurrences'))).toEqual([]);
    const created = await call('projects/p/occurrences:batchCreate', { occurrences: [build(1), build(2)] });
    expect(uris(created)).toEqual(['u1', 'u2']);
  });

  test('come in pages, of a project or a note', async () => {
    await call('projects/p/notes?noteId=m', NOTE);
    await call('projects/p/occurrences:batchCreate', { occurrences: Array.from({ length: 25 }, (_, index) => build(index)) });
    await call('projects/p/occurrences', build(99, 'projects/p/notes/m'));
    expect(uris(await call('projects/p/occurrences'))).toHaveLength(20);
    const seen: string[] = [];
    for (let token = ''; ; ) {
      const answer = await call(`projects/p/notes/n/occurrences?pageSize=10&pageToken=${token}&filter=ignored`);
      seen.push(...uris(answer));
      token = String(answer.json['nextPageToken'] ?? '');
      if (token === '') break;
    }
    expect(seen.sort()).toEqual(Array.from({ length: 25 }, (_, index) => `u${index}`).sort());
    for (const query of ['pageSize=1001', 'pageSize=-1', 'pageSize=x1', 'pageToken=-1', 'pageToken=x'])
      expect((await call(`projects/p/occurrences?${query}`)).status, query).toBe(400);
  });

  test('a project whose name begins alike is another one', async () => {
    await call('projects/p/occurrences', build(1));
    expect(uris(await call('projects/p-2/occurrences'))).toEqual([]);
    expect(uris(await call('projects/pp/occurrences'))).toEqual([]);
  });

  test('many writers at once lose nothing', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => call('projects/p/occurrences', build(index))));
    await running.close();
    running = await start();
    expect(uris(await call('projects/p/occurrences?pageSize=1000'))).toHaveLength(40);
  });
});

describe('on disk', () => {
  const journal = (): string => join(dir, 'grafeas.jsonl');
  beforeEach(async () => {
    await call('projects/p/notes?noteId=n', NOTE);
    await call('projects/p/occurrences', build(1));
    await running.close();
  });

  test('a torn write is cut off, and writing goes on behind what is whole', async () => {
    const whole = await readFile(journal(), 'utf8');
    await appendFile(journal(), '{"occurrence":{"name":"projects/p/occ');
    running = await start();
    expect(uris(await call('projects/p/occurrences'))).toEqual(['u1']);
    await call('projects/p/occurrences', build(2));
    expect((await readFile(journal(), 'utf8')).startsWith(whole)).toBe(true);
    await running.close();
    running = await start();
    expect(uris(await call('projects/p/occurrences'))).toEqual(['u1', 'u2']);
  });

  test.each(['garbage\n', '{"occurrence":{}}\n', '{"note":{"name":"a"},"occurrence":{"name":"b"}}\n'])('a damaged line is an error: %s', async (line) => {
    await writeFile(journal(), `${line}${await readFile(journal(), 'utf8')}`);
    await expect(start()).rejects.toMatchObject({ kind: 'input', code: 'GRAFEAS_JOURNAL_DAMAGED', message: expect.stringContaining('line 1') });
    await writeFile(journal(), '');
    running = await start();
  });

  test('a port that is taken is told as it is, for the caller to take another', async () => {
    running = await start();
    await expect(startGrafeas({ dir: join(dir, 'other'), host: '127.0.0.1', port: running.port, log: silentLogger })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});

describe('strangers', () => {
  const raw = (options: { method?: string; path?: string; headers?: Record<string, string>; body?: Buffer }): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(
        `${running.url}${options.path ?? '/v1beta1/projects/p/notes'}`,
        { method: options.method ?? 'GET', headers: options.headers ?? {} },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      request.on('error', reject);
      request.end(options.body);
    });

  test.each([
    ['a name that points here', { host: 'rebound.example.com' }, 403],
    ['a web page', { origin: 'https://example.com' }, 403],
    ['localhost', { host: 'localhost:1' }, 200],
    ['IPv6', { host: '[::1]:1' }, 200],
  ])('%s', async (_, headers, status) => {
    expect(await raw({ headers })).toBe(status);
  });

  test.each([
    ['PATCH', '/v1beta1/projects/p/notes/n', 405],
    ['DELETE', '/v1beta1/projects/p/notes/n', 405],
    ['GET', '/v1beta1/projects/p/notes:batchCreate', 405],
    ['GET', '/v1/projects/p/notes', 404],
    ['GET', '/v1beta1/projects/p/notes/%zz', 404],
    ['GET', '/v1beta1/projects/../notes', 404],
    ['GET', '/', 404],
  ])('%s %s is %i', async (method, path, status) => {
    expect(await raw({ method, path })).toBe(status);
  });

  test('more than 16 MiB are not read', async () => {
    const status = await raw({ method: 'POST', body: Buffer.alloc(17 * 1024 * 1024, 0x20) }).catch(({ code }: NodeJS.ErrnoException) => code);
    expect([413, 'ECONNRESET', 'EPIPE']).toContain(status);
    expect(await call('projects/p/notes')).toMatchObject({ status: 200 });
  });
});
