// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { type Bench, openBench, type WireRequest } from './bench.ts';
import { expectDone, expectFailed } from './expectations.ts';
import { type Forge, foreignKey, openForge } from './forge.ts';
import { runStep, type StepEnd, type StepRun } from './spawn-step.ts';
import { logSize, standing } from './standing.ts';

/** Longer than a step may take to stop. */
const HELD_MS = 4000;
const STOP_MS = 3000;

let bench: Bench;
let forge: Forge;
beforeAll(async () => {
  bench = await openBench();
  forge = await openForge(bench);
});
afterAll(() => bench.close());
beforeEach(() => bench.calm());

type Interrupted = 'sbom-generate' | 'cosign-sign' | 'rekor-upload' | 'policy-check';

function stepOn(task: Interrupted, image: string, params: Record<string, string> = {}): StepRun {
  const { reports, trust, policy, 'signing-key': key } = bench.workspaces;
  const logged = { image, 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json', ...params };
  const runs: Record<Interrupted, StepRun> = {
    'sbom-generate': { task, params: { image, ...params }, workspaces: { reports } },
    'cosign-sign': { task, params: logged, workspaces: { trust, 'signing-key': key } },
    'rekor-upload': { task, params: logged, workspaces: { trust } },
    'policy-check': { task, params: { ...logged, enforce: 'false' }, workspaces: { trust, policy, reports, 'signing-key': key } },
  };
  return runs[task];
}

/** Runs the step and sends the signal when its request number `at` arrives, or the first that `at` chooses. */
async function signalled(run: StepRun, signal: NodeJS.Signals, at: number | ((request: WireRequest) => boolean)): Promise<StepEnd> {
  let child: ChildProcess | undefined;
  bench.requests.length = 0;
  bench.wire.watch = (request, number) => {
    if (typeof at === 'number' ? number === at : at(request)) child?.kill(signal);
  };
  const end = await runStep({
    ...run,
    onSpawn: (spawned) => {
      child = spawned;
    },
  });
  bench.wire.watch = undefined;
  return end;
}

async function leavePending(image: string): Promise<void> {
  const by = foreignKey();
  const bundle = await forge.bundle(image, PREDICATE_TYPE.signature, {}, { by, logged: false });
  await forge.attachPending(image, bundle, PREDICATE_TYPE.signature, createPublicKey(by));
}

describe('SIGTERM in the middle', () => {
  const isPut = ({ method, path }: WireRequest): boolean => method === 'PUT' && path.includes('/manifests/');
  const isPost = ({ service, method }: WireRequest): boolean => service === 'log' && method === 'POST';
  test.each<[Interrupted, string, (request: WireRequest) => boolean, string[]]>([
    ['sbom-generate', 'reading a layer', ({ path }) => path.includes('/blobs/'), []],
    ['cosign-sign', 'waiting for the log', isPost, ['signature, logged']],
    ['cosign-sign', 'publishing', isPut, ['signature, logged']],
    ['rekor-upload', 'waiting for the log', isPost, ['signature, rejected: SIGNATURE_UNKNOWN']],
    ['policy-check', 'reading the evidence', ({ path }) => path.includes('/referrers/'), ['vsa, logged']],
    ['policy-check', 'publishing', isPut, ['vsa, logged']],
  ])('%s stops while %s, says so, and the next run finishes', async (task, doing, chooses, referrers) => {
    const image = await bench.pushImage(`term/${task}-${doing.replaceAll(' ', '-')}`);
    if (task === 'rekor-upload') await leavePending(image);
    bench.wire.registry = (request) => (chooses({ service: 'registry', ...request }) ? { kind: 'delay', ms: HELD_MS } : undefined);
    bench.wire.log = (request) => (chooses({ service: 'log', ...request }) ? { kind: 'delay', ms: HELD_MS } : undefined);
    let told = 0;
    const end = await signalled(stepOn(task, image), 'SIGTERM', (request) => {
      if (!chooses(request)) return false;
      told ||= Date.now();
      return true;
    });
    expect(Date.now() - told).toBeLessThan(STOP_MS);
    expectFailed(end, { code: 'STOPPED', kind: 'transient', names: 'told to stop', subject: image });
    bench.calm();
    const again = await runStep(stepOn(task, image));
    expect(again.code, again.stderr).toBe(0);
    expect((await standing(bench, image)).referrers).toEqual(referrers);
  });

  test('the param timeout ends a step that waits for a service', async () => {
    const image = await bench.pushImage('term/timeout');
    bench.wire.registry = () => ({ kind: 'delay', ms: HELD_MS });
    const end = await runStep(stepOn('sbom-generate', image, { timeout: '1s' }));
    expectFailed(end, { code: 'TIMEOUT', kind: 'transient', names: /within 1 s \(param timeout\)/, subject: image });
  });
});

/** Kills the step at its 1st, 2nd … request, each time on an image of its own, until a run ends by itself; after each the next run must end as if nothing had been. */
async function killedEverywhere(name: string, check: (image: string, kill: (run: StepRun) => Promise<boolean>) => Promise<void>): Promise<number> {
  for (let at = 1; ; at++) {
    const image = await bench.pushImage(`kill/${name}-${at}`);
    let killed = false;
    await check(image, async (run) => {
      killed = (await signalled(run, 'SIGKILL', at)).signal === 'SIGKILL';
      return killed;
    });
    if (!killed) return at - 1;
  }
}

describe('SIGKILL at every request', { timeout: 120_000 }, () => {
  test('of cosign-sign with log=later leaves one pending signature after the next run', async () => {
    const kills = await killedEverywhere('later', async (image, kill) => {
      const before = await logSize(bench);
      const run = stepOn('cosign-sign', image, { log: 'later' });
      await kill(run);
      expectDone(await runStep(run), image);
      expect(await standing(bench, image)).toEqual({ referrers: ['pending signature, it holds no transparency log entry'], logSize: before });
    });
    expect(kills).toBeGreaterThanOrEqual(8);
  });

  test('of rekor-upload leaves one logged signature, one entry and nothing pending after the next run', async () => {
    const kills = await killedEverywhere('upload', async (image, kill) => {
      await leavePending(image);
      const before = await logSize(bench);
      await kill(stepOn('rekor-upload', image));
      const end = await runStep(stepOn('rekor-upload', image));
      expectDone(end, image);
      expect(end.results['proved']).toBe('1');
      expect(await standing(bench, image)).toEqual({ referrers: ['signature, rejected: SIGNATURE_UNKNOWN'], logSize: before + 1 });
    });
    expect(kills).toBeGreaterThanOrEqual(15);
  });

  test('of cosign-sign with log=now leaves one signature; at most one entry stays in the log that no bundle refers to', async () => {
    const kills = await killedEverywhere('now', async (image, kill) => {
      const before = await logSize(bench);
      await kill(stepOn('cosign-sign', image));
      expectDone(await runStep(stepOn('cosign-sign', image)), image);
      const { referrers, logSize: size } = await standing(bench, image);
      expect(referrers).toEqual(['signature, logged']);
      expect(size - before).toBeLessThanOrEqual(2);
    });
    expect(kills).toBeGreaterThanOrEqual(8);
  });
});
