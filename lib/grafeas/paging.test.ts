// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { refusedError, StepError, transientError } from '../errors/errors.ts';
import type { StoredOccurrence } from './occurrence.ts';
import { listPages, type PageReader } from './paging.ts';

const toStored = (wire: Record<string, unknown>): StoredOccurrence => ({ name: String(wire['name']) }) as StoredOccurrence;

async function names(read: PageReader, filter?: string): Promise<string[]> {
  const all: string[] = [];
  for await (const { name } of listPages(read, filter, toStored)) all.push(name);
  return all;
}

/** A server of `total` occurrences with offset tokens; `largest` is the page that it can give before it says 429. */
function server(total: number, largest: number, asked: string[]): PageReader {
  return async (query, patient) => {
    const size = Number(query.get('pageSize'));
    asked.push(`${query.get('pageToken') ?? ''}+${size}${patient ? ' patient' : ''}`);
    if (size > largest) throw transientError('HTTP_THROTTLED', 'received message larger than max');
    const start = Number(query.get('pageToken') ?? 0);
    const items = Array.from({ length: Math.min(size, total - start) }, (_, index) => ({ name: `o${start + index}` }));
    return { items, next: start + items.length < total ? String(start + items.length) : '' };
  };
}

test('goes through all pages', async () => {
  const asked: string[] = [];
  expect(await names(server(450, 1000, asked))).toHaveLength(450);
  expect(asked).toEqual(['+200', '200+200', '400+200']);
});

test('makes pages smaller where the server cannot give so many, and waits for the smallest only', async () => {
  const asked: string[] = [];
  expect(await names(server(3, 1, asked))).toEqual(['o0', 'o1', 'o2']);
  expect(asked).toEqual(['+200', '+5', '+1 patient', '1+5', '1+1 patient', '2+5', '2+1 patient']);
});

test('grows again behind the large ones', async () => {
  const asked: string[] = [];
  let largest = 5;
  const read: PageReader = async (query, patient) => {
    const page = await server(300, largest, asked)(query, patient);
    largest = 200;
    return page;
  };
  expect(await names(read)).toHaveLength(300);
  expect(asked).toEqual(['+200', '+5', '5+200', '205+200']);
});

test('a server that gives a token for ever (v0.1.0) does not keep the listing for ever', async () => {
  let calls = 0;
  const endless: PageReader = async () => {
    calls += 1;
    return { items: [{ name: 'o0' }, { name: 'o1' }], next: '0' };
  };
  expect(await names(endless)).toEqual(['o0', 'o1']);
  expect(calls).toBe(2);
  expect(await names(async () => ({ items: [], next: '7' }))).toEqual([]);
});

test('another trouble than 429 is waited for at the same size', async () => {
  const asked: boolean[] = [];
  const read: PageReader = async (_, patient) => {
    asked.push(patient);
    if (!patient) throw transientError('HTTP_SERVER_ERROR', 'status 503');
    return { items: [], next: '' };
  };
  expect(await names(read)).toEqual([]);
  expect(asked).toEqual([false, true]);
});

test.each([
  ['a refusal', refusedError('GRAFEAS_DENIED', 'no')],
  ['an end of time', transientError('ABORTED', 'stopped')],
])('%s ends it at once', async (_, error) => {
  let calls = 0;
  const read: PageReader = async () => {
    calls += 1;
    throw error;
  };
  await expect(names(read)).rejects.toBe(error);
  expect(calls).toBe(1);
});

test('ends at 200,000 occurrences', async () => {
  let next = 0;
  const read: PageReader = async () => {
    const items = Array.from({ length: 1000 }, () => ({ name: `o${next++}` }));
    return { items, next: String(next) };
  };
  const error = await names(read).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(StepError);
  expect(error).toMatchObject({ kind: 'refused', code: 'GRAFEAS_TOO_MANY' });
});

test('sends the filter with every page', async () => {
  const filters: (string | null)[] = [];
  await names(async (query) => {
    filters.push(query.get('filter'));
    return { items: [{ name: String(filters.length) }], next: filters.length < 2 ? 'more' : '' };
  }, 'resourceUrl="x"');
  expect(filters).toEqual(['resourceUrl="x"', 'resourceUrl="x"']);
});
