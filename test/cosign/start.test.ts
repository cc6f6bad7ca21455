// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EvidenceDocument } from '../../cli/laptop/evidence-document.ts';
import { NOT_TRIED } from '../../cli/laptop/release-facts.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { listedReferrers, logSize } from './images.ts';
import { type Laptop, MAIN, openLaptop, PROJECT, productEnv } from './laptop.ts';
import { availableIsolation, foreign, isolated, tracedAddresses } from './offline.ts';
import { type CommandResult, runCommand } from './run-command.ts';

const BUDGET_SECONDS = 60;
/** Signature, SBOM and verification summary. */
const PIECES = 3;

type Held = { subject: string; referrers: string[]; released: string[]; logSize: number; commit: string; occurrences: number };

/** What the services hold about the last subject and its release, asked from their APIs. */
async function held(laptop: Laptop): Promise<Held> {
  const { lastSubject = '', log, grafeas, git } = await laptop.up();
  const { release } = await evidence(laptop);
  const advertised = await text(`${git.repository}/info/refs?service=git-upload-pack`);
  const { occurrences } = JSON.parse(await text(`${grafeas.url}/v1beta1/projects/${grafeas.project}/occurrences?pageSize=1000`)) as { occurrences: unknown[] };
  const found = {
    subject: parseDigestReference(lastSubject).digest,
    referrers: await listedReferrers(lastSubject),
    released: await listedReferrers(release.reference ?? ''),
    logSize: await logSize(log.url),
    commit: /([0-9a-f]{40}) refs\/heads\/main/.exec(advertised)?.[1] ?? '',
    occurrences: occurrences.length,
  };
  await laptop.down();
  return found;
}

async function evidence(laptop: Laptop): Promise<EvidenceDocument> {
  return JSON.parse(await readFile(join(laptop.state, 'reports/evidence.json'), 'utf8')) as EvidenceDocument;
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return response.text();
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

  test('releases with the evidence, commits, records and tells', async () => {
    const { release, notifications } = await evidence(laptop);
    expect(release).toMatchObject({ outcome: 'released', gate: { decision: 'approved', answeredBy: 'auto' }, commit: { id: after.commit, changed: true } });
    expect(release.reference).toMatch(/^127\.0\.0\.1:\d+\/release\/cosign-sign@sha256:[0-9a-f]{64}$/);
    expect(release.deployment?.config).toBe(`${release.commit?.repository}@${after.commit}`);
    expect(after.released).toEqual(after.referrers);
    expect(notifications.map(({ pipeline, lines }) => `${pipeline}: ${lines[0]}`)).toEqual([
      expect.stringMatching(/^secure-image: secure-image succeeded/),
      expect.stringMatching(/^release-image: release-image succeeded/),
    ]);
    for (const page of ['evidence.md', 'evidence.html']) {
      const shown = await readFile(join(laptop.state, 'reports', page), 'utf8');
      for (const part of [release.reference, after.commit, release.deployment?.occurrence, 'auto: approved, nobody was asked', notifications[1]?.lines[0]])
        expect(shown, page).toContain(part);
    }
    for (const part of [release.reference, after.commit, notifications[0]?.lines[0]]) expect(first.stdout).toContain(part);
  });

  test('run again it adds nothing', async () => {
    const again = await laptop.run(['start']);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(await held(laptop)).toEqual(after);
    expect((await evidence(laptop)).release.commit).toMatchObject({ id: after.commit, changed: false });
  });

  test('run again with nothing but registry, log, Git repository and keys it adds nothing', async () => {
    const kept = ['git', 'keys', 'log', 'registry'];
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

describe('start on what the policy denies', () => {
  let laptop: Laptop;
  beforeAll(async () => {
    laptop = await openLaptop('denied');
  });
  afterAll(() => laptop.remove());

  test('releases nothing, tells it, and ends with 20', async () => {
    const lenient = await readFile(join(PROJECT, 'cli/laptop/laptop-policy.yaml'), 'utf8');
    await mkdir(join(laptop.state, 'policy'), { recursive: true });
    await writeFile(join(laptop.state, 'policy/policy.yaml'), lenient.replaceAll('level: warn', 'level: enforce'));
    const denied = await laptop.run(['start']);
    expect(denied, denied.stderr).toMatchObject({ code: 20 });
    const { outcome, release, notifications } = await evidence(laptop);
    expect({ outcome, release }).toEqual({ outcome: 'failed', release: NOT_TRIED });
    expect(notifications.map(({ lines }) => lines[0])).toEqual([expect.stringMatching(/^secure-image failed/)]);
    for (const part of ['NOT TRIED', notifications[0]?.lines[0]]) expect(denied.stdout).toContain(part);
    expect(denied.stdout).not.toContain('git clone');
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
