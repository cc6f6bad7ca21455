// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { listedReferrers, logSize } from './images.ts';
import { type Laptop, MAIN, openLaptop, productEnv } from './laptop.ts';
import { availableIsolation, foreign, isolated, tracedAddresses } from './offline.ts';
import { type CommandResult, runCommand } from './run-command.ts';

const BUDGET_SECONDS = 60;
/** Signature, SBOM and verification summary. */
const PIECES = 3;

type Held = { subject: string; referrers: string[]; logSize: number };

/** What registry and log hold about the last subject, asked from their APIs. */
async function held(laptop: Laptop): Promise<Held> {
  const { lastSubject = '', log } = await laptop.up();
  const found = { subject: parseDigestReference(lastSubject).digest, referrers: await listedReferrers(lastSubject), logSize: await logSize(log.url) };
  await laptop.down();
  return found;
}

describe('start', () => {
  let laptop: Laptop;
  let first: CommandResult & { seconds: number };
  let after: Held;

  beforeAll(async () => {
    laptop = await openLaptop('start');
    const started = performance.now();
    const result = await laptop.run(['start']);
    first = { ...result, seconds: (performance.now() - started) / 1000 };
    after = await held(laptop);
  });
  afterAll(() => laptop.remove());

  test(`ends well within ${BUDGET_SECONDS} s`, () => {
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(first.seconds).toBeLessThan(BUDGET_SECONDS);
    expect(first.stdout).toContain('PASSED');
  });

  test('leaves one referrer and one log entry for each piece of evidence', () => {
    expect(after.referrers).toHaveLength(PIECES);
    expect(after.logSize).toBe(PIECES);
  });

  test('run again it adds nothing', async () => {
    const again = await laptop.run(['start']);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(await held(laptop)).toEqual(after);
  });

  test('run again with nothing but registry, log and keys it adds nothing', async () => {
    const kept = ['keys', 'log', 'registry'];
    const others = (await readdir(laptop.state)).filter((entry) => !kept.includes(entry));
    expect(others).toContain('reports');
    for (const entry of others) await rm(join(laptop.state, entry), { recursive: true });
    const again = await laptop.run(['start']);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(await held(laptop)).toEqual(after);
  });

  test('with the registry lost it signs and logs anew, which these counts show', async () => {
    await rm(join(laptop.state, 'registry'), { recursive: true });
    const again = await laptop.run(['start']);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    const now = await held(laptop);
    expect(now.referrers).toHaveLength(PIECES);
    expect(now.logSize).toBeGreaterThan(after.logSize);
  });
});

const isolation = await availableIsolation();
if (!isolation.namespace && !isolation.trace) {
  console.error('NOT CHECKED: that start works offline. This machine permits neither "unshare --net" nor strace.');
}

describe.skipIf(!isolation.namespace && !isolation.trace)('offline', () => {
  let laptop: Laptop;
  beforeAll(async () => {
    laptop = await openLaptop('offline');
  });
  afterAll(() => laptop.remove());

  const runIsolated = (traceFile: string, program: readonly string[]): Promise<CommandResult> => {
    const [command = '', ...args] = isolated(isolation, traceFile, [process.execPath, ...program]);
    return runCommand(command, args, { cwd: laptop.folder, env: productEnv(laptop.folder) });
  };

  test('start needs nothing but loopback, and tries to reach nothing else', async () => {
    const traceFile = join(laptop.folder, 'start.trace');
    const result = await runIsolated(traceFile, [MAIN, 'start', '--state', laptop.state]);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    if (!isolation.trace) return;
    const addresses = await tracedAddresses(traceFile);
    expect(addresses).toContain('127.0.0.1');
    expect(foreign(addresses)).toEqual([]);
  });

  test('a program that calls elsewhere would be seen', async () => {
    const traceFile = join(laptop.folder, 'probe.trace');
    // 192.0.2.0/24 is reserved for documentation (RFC 5737): nobody answers there.
    const probe = `require('node:net').connect({ host: '192.0.2.1', port: 9, timeout: 500 }).on('timeout', () => process.exit(3)).on('error', (error) => { console.log(error.code); process.exit(4) })`;
    const result = await runIsolated(traceFile, ['-e', probe]);
    if (isolation.namespace) expect(result).toMatchObject({ code: 4, stdout: 'ENETUNREACH\n' });
    if (isolation.trace) expect(foreign(await tracedAddresses(traceFile)), await readFile(traceFile, 'utf8')).toEqual(['192.0.2.1']);
  });
});
