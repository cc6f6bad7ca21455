// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf } from '../http/test-server.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { RegistryOptions } from './client.ts';
import { type Bench, bytesOf, startBench } from './test-bench.ts';

const CHUNK = 200_000;
const SIZES = { above: 250_000, chunk: CHUNK };
const content = randomBytes(900_000);
const digest = sha256Digest(content);

let bench: Bench;
let faults: (request: FaultRequest) => Fault | undefined;
let requests: FaultRequest[];

beforeEach(async () => {
  faults = () => undefined;
  requests = [];
  bench = await startBench({
    faults: (request) => {
      requests.push(request);
      return faults(request);
    },
  });
});
afterEach(() => bench.close());

const target = (): { registry: string; repository: string } => ({ registry: bench.host, repository: 'app/web' });
const sent = (method: string): FaultRequest[] => requests.filter((request) => request.method === method);
const ranges = (): unknown[] => sent('PATCH').map(({ headers }) => headers['content-range']);

async function push(bytes = content, more: Partial<RegistryOptions> = {}): Promise<void> {
  const descriptor = { digest: sha256Digest(bytes), size: bytes.length };
  await bench.client({ uploadSizes: SIZES, ...more }).putBlob(target(), { descriptor, open: () => inPieces(bytes) });
}

/** Pieces that do not fit the chunks. */
async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 70_001) yield bytes.subarray(at, at + 70_001);
}

async function expectWritten(bytes = content): Promise<void> {
  faults = () => undefined;
  const stored = await bytesOf(bench.client().blob(target(), { mediaType: 'x/y', digest: sha256Digest(bytes), size: bytes.length }));
  expect(stored.equals(bytes)).toBe(true);
}

/** A fault for the request number `at` (from 1) of a method. */
function at(method: string, number: number, fault: Fault): void {
  faults = (request) => (request.method === method && sent(method).length === number ? fault : undefined);
}

describe('a blob above the size', () => {
  test('goes in chunks, each behind the last, and one empty PUT', async () => {
    await push();
    expect(ranges()).toEqual(['0-199999', '200000-399999', '400000-599999', '600000-799999', '800000-899999']);
    expect(sent('PUT').map(({ headers, query }) => [headers['content-length'], query.get('digest')])).toEqual([['0', digest]]);
    await expectWritten();
  });

  test.each([
    [250_000, 0],
    [250_001, 2],
    [400_000, 2],
    [400_001, 3],
  ])('%i bytes make %i chunks', async (size, chunks) => {
    const bytes = content.subarray(0, size);
    await push(bytes);
    expect(sent('PATCH')).toHaveLength(chunks);
    await expectWritten(bytes);
  });

  test('bytes at hand go the same way', async () => {
    await bench.client({ uploadSizes: SIZES }).putBlob(target(), content);
    expect(sent('PATCH')).toHaveLength(5);
    await expectWritten();
  });

  test('the smallest chunk that the registry takes is kept to', async () => {
    faults = ({ method }) => (method === 'POST' ? { kind: 'headers', headers: { 'oci-chunk-min-length': '400000' } } : undefined);
    await push();
    expect(ranges()).toEqual(['0-399999', '400000-799999', '800000-899999']);
  });

  test('a registry whose smallest chunk is larger than memory should hold gets one PUT', async () => {
    faults = ({ method }) => (method === 'POST' ? { kind: 'headers', headers: { 'oci-chunk-min-length': '999999999999' } } : undefined);
    await push();
    expect(sent('PATCH')).toHaveLength(0);
    await expectWritten();
  });
});

describe('after a break', () => {
  test.each([1, 3, 5])('before chunk %i that chunk alone is sent again', async (number) => {
    at('PATCH', number, { kind: 'cut' });
    await push();
    const [again] = ranges().splice(number - 1, 1);
    expect(ranges().filter((range) => range === again)).toHaveLength(2);
    expect([sent('PATCH').length, sent('POST').length]).toEqual([6, 1]);
    await expectWritten();
  });

  test.each([1, 3, 5])('after chunk %i arrived, nothing is sent again', async (number) => {
    at('PATCH', number, { kind: 'lost' });
    await push();
    expect([sent('PATCH').length, sent('POST').length]).toEqual([5, 1]);
    await expectWritten();
  });

  test('in the middle of a chunk the rest of it is sent', async () => {
    const proxy = await startCuttingProxy(bench.host, 100_000);
    const registry = bench.client({ uploadSizes: SIZES });
    await registry.putBlob({ registry: proxy.host, repository: 'app/web' }, content);
    expect(sent('POST')).toHaveLength(1);
    const starts = ranges().map((range) => Number(String(range).split('-')[0]));
    expect(starts.some((start) => start > 200_000 && start < 400_000)).toBe(true);
    await expectWritten();
    await proxy.close();
  });

  test.each([503, 429])('a chunk that got %i is sent again after a look', async (status) => {
    at('PATCH', 2, { kind: 'reply', status });
    await push();
    expect(sent('GET').some(({ path }) => path.includes('/uploads/'))).toBe(true);
    expect(sent('PATCH')).toHaveLength(6);
    await expectWritten();
  });

  test.each(['cut', 'lost'] as const)('of the closing PUT (%s) the blob is there once', async (kind) => {
    at('PUT', 1, { kind });
    await push();
    expect([sent('PATCH').length, sent('POST').length, sent('PUT').length]).toEqual([5, 1, kind === 'cut' ? 2 : 1]);
    await expectWritten();
  });

  test('the new place that each answer names is used', async () => {
    const place = (state: number): Record<string, string> => ({ location: `/v2/app/web/blobs/uploads/x?_state=${state}` });
    faults = ({ method, query }) => {
      if (method === 'HEAD') return { kind: 'reply', status: 404 };
      if (method === 'POST') return { kind: 'reply', status: 202, headers: place(0) };
      if (method === 'PATCH') return { kind: 'reply', status: 202, headers: place(Number(query.get('_state')) + 1) };
      return { kind: 'reply', status: 201 };
    };
    await push();
    expect([...sent('PATCH'), ...sent('PUT')].map(({ query }) => query.get('_state'))).toEqual(['0', '1', '2', '3', '4', '5']);
  });
});

describe('an upload that is lost', () => {
  test.each<[string, Fault]>([
    ['unknown', { kind: 'reply', status: 404 }],
    ['not told about', { kind: 'reply', status: 400 }],
    ['told without a range', { kind: 'reply', status: 204 }],
    ['further than what was sent', { kind: 'reply', status: 204, headers: { range: '0-700000' } }],
    ['behind what it confirmed', { kind: 'reply', status: 204, headers: { range: '0-99' } }],
    ['told in words', { kind: 'reply', status: 204, headers: { range: 'all of it' } }],
  ])('(%s) is started again', async (_name, status) => {
    let cuts = 0;
    faults = ({ method, path }) => {
      if (method === 'GET' && path.includes('/uploads/')) return status;
      if (method !== 'PATCH' || sent('PATCH').length !== 2) return undefined;
      cuts += 1;
      return { kind: 'cut' };
    };
    await push();
    expect([cuts, sent('POST').length, sent('PATCH').length]).toEqual([1, 2, 7]);
    await expectWritten();
  });

  test('again and again goes whole in the end', async () => {
    faults = ({ method, path }) => {
      if (method === 'GET' && path.includes('/uploads/')) return { kind: 'reply', status: 404 };
      return method === 'PATCH' && sent('PATCH').length % 2 === 0 ? { kind: 'cut' } : undefined;
    };
    await push();
    expect([sent('POST').length, sent('PATCH').length, sent('PUT').length]).toEqual([4, 6, 1]);
    await expectWritten();
  });

  test('when nothing is cut but nothing grows, it ends too', async () => {
    faults = ({ method }) => (method === 'PATCH' ? { kind: 'reply', status: 202, headers: { range: '0-0' } } : undefined);
    await push(content.subarray(0, 300_000));
    await expectWritten(content.subarray(0, 300_000));
  });
});

describe('a registry that takes no chunks', () => {
  test.each([400, 404, 405, 413, 416, 501])('(%i) gets the blob whole', async (status) => {
    faults = ({ method }) => (method === 'PATCH' ? { kind: 'reply', status } : undefined);
    await push();
    expect([sent('PATCH').length, sent('PUT').length]).toEqual([1, 1]);
    expect(sent('PUT')[0]?.headers['content-length']).toBe('900000');
    await expectWritten();
  });

  test.each([
    [401, 'REGISTRY_UNAUTHORIZED'],
    [403, 'REGISTRY_DENIED'],
  ])('for want of rights (%i) is %s', async (status, code) => {
    faults = ({ method }) => (method === 'PATCH' ? { kind: 'reply', status } : undefined);
    expect((await failureOf(push())).code).toBe(code);
    expect(sent('PUT')).toHaveLength(0);
  });
});

describe('never committed', () => {
  test.each(['a byte more', 'a byte less', 'another byte'])('a source with %s than its descriptor', async (what) => {
    const forged = Buffer.concat([what === 'a byte less' ? content.subarray(1) : content, Buffer.alloc(what === 'a byte more' ? 1 : 0)]);
    if (what === 'another byte') forged[899_999] = (forged[899_999] ?? 0) ^ 1;
    const push = bench.client({ uploadSizes: SIZES }).putBlob(target(), { descriptor: { digest, size: content.length }, open: () => inPieces(forged) });
    expect((await failureOf(push)).code).toBe('DIGEST_MISMATCH');
    expect(sent('PUT')).toHaveLength(0);
    expect(await bench.client().hasBlob(target(), digest)).toBe(false);
  });

  test('a registry that stored something else is refused', async () => {
    at('PUT', 1, { kind: 'headers', headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } });
    expect((await failureOf(push())).message).toContain('stored sha256:0000');
  });

  test('a place at another host gets no blob over plain HTTP', async () => {
    at('PATCH', 2, { kind: 'headers', headers: { location: 'http://r.example.com/upload' } });
    expect((await failureOf(push())).code).toBe('REGISTRY_LOCATION_INVALID');
  });
});

/** Passes requests on, and cuts the second PATCH after `bytes` of its body. */
async function startCuttingProxy(host: string, bytes: number): Promise<{ host: string; close(): Promise<void> }> {
  const open = new Set<Socket>();
  let patches = 0;
  const server = createServer((client) => {
    const [name, port] = host.split(':');
    const upstream = connect(Number(port), name);
    let left = Number.POSITIVE_INFINITY;
    client.on('data', (data: Buffer) => {
      if (data.subarray(0, 6).toString() === 'PATCH ') {
        patches += 1;
        if (patches === 2) left = bytes;
      }
      upstream.write(data.subarray(0, Math.min(left, data.length)));
      left -= data.length;
      if (left <= 0) client.destroy();
    });
    upstream.on('data', (data: Buffer) => client.write(data));
    for (const socket of [client, upstream]) open.add(socket.on('error', () => undefined));
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => {
    for (const socket of open) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
