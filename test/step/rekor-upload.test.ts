// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startLog } from '../../cli/services/log/server.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { spec } from '../../tasks/rekor-upload/spec.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone, expectFailed } from './expectations.ts';
import { type Provoked, REGISTRY_PROVOCATIONS, testFailures } from './failures.ts';
import { entryOf, type Forge, foreignKey, openForge, rootWithAnotherKey, withEntry } from './forge.ts';
import { runStep, type StepEnd, type StepRun } from './spawn-step.ts';
import { logSize, standing } from './standing.ts';

const SIGNATURE = PREDICATE_TYPE.signature;

let bench: Bench;
let forge: Forge;
const closers: (() => Promise<void>)[] = [];
beforeAll(async () => {
  bench = await openBench();
  forge = await openForge(bench);
});
afterAll(async () => {
  for (const close of closers) await close();
  await bench.close();
});
beforeEach(() => bench.calm());

function base({ workspaces, logUrl }: Bench, image: string): StepRun {
  return { task: 'rekor-upload', params: { image, 'rekor-url': logUrl, 'trusted-root': 'trusted_root.json' }, workspaces: { trust: workspaces.trust } };
}

async function trustWith(content: string): Promise<{ trust: string }> {
  const trust = await bench.folder('trust');
  await writeFile(join(trust, 'trusted_root.json'), content);
  return { trust };
}

/** Leaves a signature as cosign-sign does with log=later. */
async function leavePending(image: string, predicateType: string = SIGNATURE, predicate: unknown = {}): Promise<void> {
  const by = foreignKey();
  await forge.attachPending(image, await forge.bundle(image, predicateType, predicate, { by, logged: false }), predicateType, createPublicKey(by));
}

/** Another history under the key and name of the log; gives where it can be read. */
async function otherHistory(entries: number): Promise<string> {
  const dir = join(bench.root, `history-${closers.length}`);
  await mkdir(dir);
  for (const file of ['key.pem', 'log.json']) await cp(join(bench.root, 'log', file), join(dir, file));
  const log = await startLog({ dir, host: '127.0.0.1', port: 0, log: silentLogger });
  closers.push(() => log.close());
  const { bundle } = await openForge({ ...bench, logUrl: log.url });
  const by = foreignKey();
  for (let entry = 0; entry < entries; entry++) await bundle(`127.0.0.1/other@sha256:${'3'.repeat(64)}`, SIGNATURE, { entry }, { by });
  return `${log.url}/api/v2`;
}

async function attached(image: string, change: Parameters<typeof withEntry>[1]): Promise<{ names: string }> {
  const digest = await forge.attach(image, withEntry(await forge.bundle(image, SIGNATURE, {}), change), SIGNATURE);
  return { names: digest };
}

describe('rekor-upload', () => {
  test('completes all that is pending, proves it, and does nothing the second time', async () => {
    const image = await bench.pushImage('team/app');
    const before = await logSize(bench);
    await leavePending(image);
    await leavePending(image, PREDICATE_TYPE.vuln, { matches: [] });
    const first = await runStep(base(bench, image));
    expectDone(first, image);
    expect(first.results).toMatchObject({ completed: '2', proved: '2', 'log-size': String(before + 2) });
    bench.requests.length = 0;
    const second = await runStep(base(bench, image));
    expectDone(second, image);
    expect(second.results).toMatchObject({ completed: '0', proved: '2', 'log-size': String(before + 2) });
    expect(bench.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
  });

  test('has nothing to do for an image that nobody signed', async () => {
    const image = await bench.pushImage('team/unsigned');
    const end = await runStep(base(bench, image));
    expectDone(end, image);
    expect(end.results).toMatchObject({ completed: '0', proved: '0' });
  });

  test('proves an old entry against a log that grew, also when tiles are read elsewhere', async () => {
    const image = await bench.pushImage('team/old');
    await forge.attach(image, await forge.bundle(image, SIGNATURE, {}), SIGNATURE);
    for (let more = 0; more < 5; more++) await forge.bundle(image, PREDICATE_TYPE.custom, { more });
    const end = await runStep({ ...base(bench, image), params: { ...base(bench, image).params, 'rekor-read-url': `${bench.logUrl}/api/v2` } });
    expectDone(end, image);
    expect(end.results).toMatchObject({ proved: '1', 'log-size': String(await logSize(bench)) });
  });

  test('removes a pending signature whose bundle was published just before a crash', async () => {
    const image = await bench.pushImage('team/crashed');
    const by = foreignKey();
    const unlogged = await forge.bundle(image, SIGNATURE, {}, { by, logged: false });
    await forge.attachPending(image, unlogged, SIGNATURE, createPublicKey(by));
    await runStep(base(bench, image));
    const after = await standing(bench, image);
    await forge.attachPending(image, unlogged, SIGNATURE, createPublicKey(by));
    const end = await runStep(base(bench, image));
    expectDone(end, image);
    expect(end.results).toMatchObject({ completed: '0', proved: '1' });
    expect(await standing(bench, image)).toEqual(after);
  });
});

describe('a volume for checkpoints', () => {
  async function runWith(checkpoints: string, image: string, params: Record<string, string> = {}): Promise<StepEnd> {
    const run = base(bench, image);
    return runStep({ ...run, params: { ...run.params, ...params }, workspaces: { ...run.workspaces, checkpoints } });
  }

  test('keeps the newest one from run to run', async () => {
    const checkpoints = await bench.folder('checkpoints');
    const image = await bench.pushImage('team/remembered');
    expectDone(await runWith(checkpoints, image), image);
    await leavePending(image);
    const end = await runWith(checkpoints, image);
    expectDone(end, image);
    const [name = '', ...more] = await readdir(checkpoints);
    expect(more).toEqual([]);
    expect((await readFile(join(checkpoints, name), 'utf8')).split('\n')[1]).toBe(end.results['log-size']);
  });

  test.each([
    ['LOG_FORKED', 1],
    ['LOG_SHRANK', 0],
  ])('tells %s although no bundle of the artifact shows it, before anything goes into that log', async (code, longer) => {
    const checkpoints = await bench.folder('checkpoints');
    const image = await bench.pushImage(`team/broken-${longer}`);
    await forge.bundle(image, SIGNATURE, { longer });
    expectDone(await runWith(checkpoints, image), image);
    await leavePending(image);
    const readUrl = await otherHistory(longer * ((await logSize(bench)) + 1));
    bench.requests.length = 0;
    const end = await runWith(checkpoints, image, { 'rekor-read-url': readUrl });
    expectFailed(end, { kind: 'denied', code, names: checkpoints, subject: image });
    expect(bench.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    expect((await readdir(checkpoints)).filter((name) => name.endsWith('.conflict'))).toHaveLength(1);
    // The log of before is believed still.
    expectDone(await runWith(checkpoints, image), image);
  });
});

describe('failures of rekor-upload', () => {
  testFailures(
    spec,
    {
      ...REGISTRY_PROVOCATIONS,
      TRUSTED_ROOT_MISSING: () => ({ params: { 'trusted-root': '' }, names: 'no trusted root' }),
      TRUSTED_ROOT_INVALID: async () => ({ workspaces: await trustWith('no JSON'), names: 'trusted-root' }),
      FILE_UNWRITABLE: async (stage) => {
        const checkpoints = join(await stage.folder('checkpoints'), 'file');
        await writeFile(checkpoints, '');
        return { workspaces: { checkpoints }, names: checkpoints };
      },
      FILE_MISSING: async () => ({ params: { 'trusted-root': 'root.json' }, names: 'root.json' }),
      LOG_UNKNOWN: ({ logUrl }) => ({ params: { 'rekor-url': `${logUrl}/shard-2` }, names: `${logUrl}/shard-2` }),
      PENDING_INVALID: async (_, image) => {
        const bundle = await forge.bundle(image, SIGNATURE, {}, { by: foreignKey(), logged: false });
        return { names: await forge.attachPending(image, bundle, SIGNATURE, createPublicKey(foreignKey())) };
      },
      LOG_ENTRY_INVALID: async (_, image) =>
        attached(image, (entry) => {
          entry.canonicalizedBody = Buffer.from('{"kind":"hashedrekord","spec":{}}').toString('base64');
        }),
      REKOR_ENTRY_FOREIGN: async (_, image) => {
        const other = await forge.bundle(image, PREDICATE_TYPE.custom, { of: 'somebody else' });
        return attached(image, (_entry, material) => material.tlogEntries.splice(0, 1, entryOf(other)));
      },
      REKOR_PROOF_INVALID: async (_, image) =>
        attached(image, (entry) => {
          entry.inclusionProof.hashes = entry.inclusionProof.hashes.map(() => Buffer.alloc(32).toString('base64'));
        }),
      CHECKPOINT_UNTRUSTED: async ({ workspaces }) => ({ workspaces: await trustWith(await rootWithAnotherKey(workspaces.trust)), names: /127\.0\.0\.1/ }),
      REKOR_REFUSED: async ({ wire, logUrl }, image): Promise<Provoked> => {
        await leavePending(image);
        wire.log = ({ method }) => (method === 'POST' ? { kind: 'answer', status: 400, body: '{"code":3,"message":"no such key type"}' } : undefined);
        return { names: logUrl };
      },
      LOG_NOT_READABLE: ({ logUrl }) => ({ params: { 'rekor-read-url': `${logUrl}/nowhere` }, names: `${logUrl}/nowhere` }),
      LOG_FORKED: async (stage, image) => {
        await forge.attach(image, await forge.bundle(image, SIGNATURE, {}), SIGNATURE);
        const readUrl = await otherHistory((await logSize(stage)) + 1);
        return { params: { 'rekor-read-url': readUrl }, names: readUrl };
      },
      LOG_SHRANK: async (_, image) => {
        await forge.attach(image, await forge.bundle(image, SIGNATURE, {}), SIGNATURE);
        const readUrl = await otherHistory(0);
        return { params: { 'rekor-read-url': readUrl }, names: readUrl };
      },
    },
    { bench: () => bench, base },
  );

  test('a log that lost its tiles proves nothing', async () => {
    const image = await bench.pushImage('failing/no-tiles');
    await forge.attach(image, await forge.bundle(image, SIGNATURE, {}), SIGNATURE);
    bench.wire.log = ({ path }) => (path.includes('/tile/') ? { kind: 'answer', status: 200, body: Buffer.alloc(32) } : undefined);
    const end = await runStep(base(bench, image));
    expect(end).toMatchObject({ code: 20, results: { outcome: 'denied', subject: image } });
    expect(end.stderr).toContain('code=LOG_TILES_INVALID');
  });
});
