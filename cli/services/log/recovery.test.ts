// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../lib/log/log.ts';
import { leafHash, rootHash, verifyConsistency, verifyInclusion } from '../../../lib/sigstore/merkle.ts';
import { proveConsistencyFromTiles } from '../../../lib/sigstore/tiles.ts';
import { type AppendLog, openAppendLog } from './append-log.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const now = (): Date => new Date('2026-01-02T03:04:05Z');
const open = (log = silentLogger, origin = '127.0.0.1'): Promise<AppendLog> => openAppendLog({ dir, origin, now, log });
const entry = (index: number): Buffer => Buffer.from(JSON.stringify({ entry: index }));
const entriesFile = (): string => join(dir, 'entries.jsonl');

async function filled(count: number): Promise<AppendLog> {
  const log = await open();
  await Promise.all(Array.from({ length: count }, (_, index) => log.add(entry(index))));
  return log;
}

/** Closes the log, changes its files, opens it again; gives what stands there now. */
async function reopened(count: number, change: () => Promise<void>): Promise<AppendLog> {
  await (await filled(count)).close();
  await change();
  return open();
}

describe('restart', () => {
  it('goes on with the same key, entries and checkpoint', async () => {
    const before = await filled(300);
    const head = before.checkpoint();
    await before.close();
    const after = await openAppendLog({ dir, origin: '127.0.0.1', now: () => new Date('2030-01-01'), log: silentLogger });
    expect(after.checkpoint()).toEqual(head);
    expect(after.identity.validFrom).toEqual(now());
    expect(await after.add(entry(5))).toMatchObject({ duplicate: true, index: 5 });
    const added = await after.add(entry(300));
    if (added.duplicate) throw new Error('300 was not there before');
    expect(added.index).toBe(300);
    expect(verifyInclusion({ hash: leafHash(entry(300)), index: 300 }, added.checkpoint, added.proof)).toBe(true);
    const tiles = { name: 'log', readTile: async (...at: [number, number, number]) => (await after.hashTile(...at)) ?? Buffer.alloc(0) };
    expect(verifyConsistency(head, added.checkpoint, await proveConsistencyFromTiles(head, added.checkpoint, tiles))).toBe(true);
    await after.close();
  });

  it('publishes a checkpoint of the empty tree first', async () => {
    const log = await open();
    expect(log.checkpoint()).toMatchObject({ size: 0, root: await rootHash(0, async () => Buffer.alloc(0)) });
    await log.close();
  });
});

describe('a torn last write', () => {
  it.each([
    ['half a line', '{"entry":'],
    ['a whole line and half of the next', '{"entry":3}\n{"ent'],
    ['zeros, as some file systems leave them', '\u0000\u0000\u0000\n\u0000'],
  ])('of %s is cut off to the last whole entry', async (_name, torn) => {
    const warnings: string[] = [];
    await (await filled(3)).close();
    const whole = (await stat(entriesFile())).size;
    await appendFile(entriesFile(), torn);
    const log = await open({ ...silentLogger, warn: (message) => void warnings.push(message) });
    const kept = torn.startsWith('{"entry":3}') ? 4 : 3;
    expect(log.checkpoint().size).toBe(kept);
    expect((await stat(entriesFile())).size).toBe(whole + (kept === 4 ? 12 : 0));
    expect(warnings).toEqual(['cut off a torn write at the end of the log']);
    expect(await log.add(entry(10))).toMatchObject({ duplicate: false, index: kept });
    await log.close();
    expect((await readFile(entriesFile(), 'utf8')).split('\n')).toHaveLength(kept + 2);
  });

  it('between entries and checkpoint leaves the entries in the log', async () => {
    const log = await reopened(3, () => appendFile(entriesFile(), `${entry(3)}\n`));
    expect(log.checkpoint().size).toBe(4);
    expect(await log.add(entry(3))).toEqual({ duplicate: true, index: 3 });
    await log.close();
  });
});

describe('damage', () => {
  it.each([
    ['fewer entries than published', () => truncate(entriesFile(), 10), 'LOG_JOURNAL_DAMAGED'],
    ['no entries', () => rm(entriesFile()), 'LOG_JOURNAL_DAMAGED'],
    ['a changed entry', async () => writeFile(entriesFile(), (await readFile(entriesFile(), 'utf8')).replace('1', '7')), 'LOG_JOURNAL_DAMAGED'],
    ['another key', () => rm(join(dir, 'key.pem')), 'LOG_IDENTITY_INVALID'],
    ['a key that is none', () => writeFile(join(dir, 'key.pem'), 'secret'), 'LOG_IDENTITY_INVALID'],
    ['a log.json of something else', () => writeFile(join(dir, 'log.json'), '{}'), 'LOG_IDENTITY_INVALID'],
    [
      'a changed checkpoint',
      async () => writeFile(join(dir, 'checkpoint'), (await readFile(join(dir, 'checkpoint'), 'utf8')).replace('\n3\n', '\n2\n')),
      'LOG_IDENTITY_INVALID',
    ],
  ])('by %s is refused at the start', async (_name, change, code) => {
    await expect(reopened(3, change)).rejects.toMatchObject({ kind: 'input', code });
  });

  it('by a start under another host is refused', async () => {
    await (await filled(1)).close();
    await expect(open(silentLogger, 'log.example.com')).rejects.toMatchObject({ kind: 'input', code: 'LOG_ORIGIN_CHANGED' });
  });

  it('by a second writer is noticed before anything is written', async () => {
    const first = await filled(2);
    const second = await open();
    await second.add(entry(2));
    await expect(first.add(entry(3))).rejects.toMatchObject({ code: 'LOG_JOURNAL_SHARED' });
    expect(first.checkpoint().size).toBe(2);
    await Promise.all([first.close(), second.close()]);
  });
});

describe('kill -9', () => {
  it('loses no entry that was answered', async () => {
    const answered: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const child = writer(dir, round * 10_000);
      answered.push(...(await killedAfter(child, 40)));
    }
    const log = await open();
    expect(answered.length).toBeGreaterThanOrEqual(120);
    for (const number of answered) expect(await log.add(entry(number))).toMatchObject({ duplicate: true });
    await log.close();
  }, 30_000);
});

/** A process that logs entries from `first` on, four at a time, and writes the number of each one answered. */
function writer(logDir: string, first: number): ChildProcess {
  const module = new URL('./append-log.ts', import.meta.url).href;
  const program = `
    import { openAppendLog } from '${module}';
    const silent = { info() {}, warn() {}, error() {}, progress() {} };
    const log = await openAppendLog({ dir: process.argv[1], origin: '127.0.0.1', now: () => new Date(), log: silent });
    const one = async (number) => { await log.add(Buffer.from(JSON.stringify({ entry: number }))); process.stdout.write(number + '\\n'); };
    for (let number = ${first}; ; number += 4) await Promise.all([0, 1, 2, 3].map((offset) => one(number + offset)));`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program, logDir], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function killedAfter(child: ChildProcess, count: number): Promise<number[]> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > count) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return output.split('\n').slice(0, -1).map(Number);
}
