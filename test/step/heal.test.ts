// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone } from './expectations.ts';
import { SOON_NEVER } from './failures.ts';
import { type Forge, openForge } from './forge.ts';
import { smallSbom } from './reports.ts';
import { runStep, type StepEnd, type StepRun } from './spawn-step.ts';
import { logSize, standing } from './standing.ts';

const DOWN = { kind: 'answer', status: 503, headers: SOON_NEVER } as const;

let bench: Bench;
let forge: Forge;
beforeAll(async () => {
  bench = await openBench();
  forge = await openForge(bench);
});
afterAll(() => bench.close());
beforeEach(() => bench.calm());

function sign(image: string, params: Record<string, string>): StepRun {
  const { reports, trust, 'signing-key': key } = bench.workspaces;
  const house = { image, 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json' };
  return { task: 'cosign-sign', params: { ...house, ...params }, workspaces: { reports, trust, 'signing-key': key } };
}

function upload(image: string): StepRun {
  const params = { image, 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json' };
  return { task: 'rekor-upload', params, workspaces: { trust: bench.workspaces.trust } };
}

/** An image with pending signatures of itself and of an SBOM, as cosign-sign leaves them with log=later. */
async function pendingImage(repository: string): Promise<string> {
  const image = await bench.pushImage(repository);
  for (const [type, predicate] of [
    [PREDICATE_TYPE.signature, {}],
    [PREDICATE_TYPE.cyclonedx, smallSbom(image)],
  ] as const)
    await forge.attachPending(image, await forge.bundle(image, type, predicate, { logged: false }), type, forge.publicKey);
  return image;
}

/** The same by the steps themselves. */
async function pendingBySteps(repository: string): Promise<string> {
  const image = await bench.pushImage(repository);
  const { reports } = bench.workspaces;
  expectDone(await runStep({ task: 'sbom-generate', params: { image }, workspaces: { reports } }), image);
  expectDone(await runStep(sign(image, { log: 'later' })), image);
  expectDone(await runStep(sign(image, { log: 'later', predicate: 'sbom.cdx.json', 'predicate-type': 'cyclonedx' })), image);
  return image;
}

function expectTransient(end: StepEnd, image: string, place: string): void {
  expect(end, end.stderr).toMatchObject({ code: 75, results: { outcome: 'transient', subject: image } });
  expect(end.stderr).toContain(place);
}

describe('what is interrupted by a service heals in the next run, and nothing is doubled', () => {
  const whole = ['cyclonedx, logged', 'signature, logged'];

  test('the log goes down between two signatures', async () => {
    const image = await pendingImage('heal/half-way');
    const before = await logSize(bench);
    bench.requests.length = 0;
    bench.wire.log = ({ method }) => (method === 'POST' && bench.requests.filter(({ service }) => service === 'log').length > 1 ? DOWN : undefined);
    expectTransient(await runStep(upload(image)), image, bench.logUrl);
    bench.calm();
    const half = await standing(bench, image);
    expect(half.logSize).toBe(before + 1);
    expect(half.referrers.filter((referrer) => referrer.startsWith('pending '))).toHaveLength(1);
    const healed = await runStep(upload(image));
    expectDone(healed, image);
    expect(healed.results).toMatchObject({ completed: '1', proved: '2' });
    expect(await standing(bench, image)).toEqual({ referrers: whole, logSize: before + 2 });
    const undisturbed = await pendingBySteps('heal/undisturbed');
    expectDone(await runStep(upload(undisturbed)), undisturbed);
    expect(await standing(bench, undisturbed)).toEqual({ referrers: whole, logSize: before + 4 });
  });

  test('the answer of the log is lost once: the same run finds its entry', async () => {
    const image = await pendingImage('heal/lost-answer');
    const before = await logSize(bench);
    let lost = 0;
    bench.wire.log = ({ method }) => (method === 'POST' && lost++ === 0 ? { kind: 'cut-answer' } : undefined);
    const end = await runStep(upload(image));
    expect(end).toMatchObject({ code: 0, results: { outcome: 'ok', completed: '2', proved: '2' } });
    expect(await standing(bench, image)).toEqual({ referrers: whole, logSize: before + 2 });
  });

  test('every answer of the log is lost: the next run finds the entries', async () => {
    const image = await pendingImage('heal/lost-answers');
    const before = await logSize(bench);
    let posts = 0;
    bench.wire.log = ({ method }) => {
      if (method !== 'POST') return undefined;
      return posts++ === 0 ? { kind: 'cut-answer' } : DOWN;
    };
    expectTransient(await runStep(upload(image)), image, bench.logUrl);
    bench.calm();
    expect(await logSize(bench)).toBe(before + 1);
    expectDone(await runStep(upload(image)), image);
    expect(await standing(bench, image)).toEqual({ referrers: whole, logSize: before + 2 });
  });

  test('the registry goes down when the logged bundle is to be published', async () => {
    const image = await pendingImage('heal/registry-down');
    const before = await logSize(bench);
    bench.wire.registry = ({ method, path }) =>
      method === 'PUT' && path.includes('/manifests/') ? { kind: 'reply', status: 503, headers: SOON_NEVER } : undefined;
    expectTransient(await runStep(upload(image)), image, bench.host);
    bench.calm();
    expectDone(await runStep(upload(image)), image);
    expect(await standing(bench, image)).toEqual({ referrers: whole, logSize: before + 2 });
  });

  test('the registry stored the bundle and its answer was lost', async () => {
    const image = await pendingImage('heal/registry-lost');
    const before = await logSize(bench);
    bench.requests.length = 0;
    let lost = 0;
    bench.wire.registry = ({ method, path }) => (method === 'PUT' && path.includes('/manifests/') && lost++ === 0 ? { kind: 'lost' } : undefined);
    const end = await runStep(upload(image));
    expect(end).toMatchObject({ code: 0, results: { outcome: 'ok', completed: '2' } });
    expect(await standing(bench, image)).toEqual({ referrers: whole, logSize: before + 2 });
  });

  test('log=now signs nothing while the log is down', async () => {
    const image = await bench.pushImage('heal/now');
    const before = await logSize(bench);
    bench.wire.log = () => DOWN;
    expectTransient(await runStep(sign(image, {})), image, bench.logUrl);
    bench.calm();
    expect(await standing(bench, image)).toEqual({ referrers: [], logSize: before });
    expectDone(await runStep(sign(image, {})), image);
    expect(await standing(bench, image)).toEqual({ referrers: ['signature, logged'], logSize: before + 1 });
  });

  test('a registry that asks for a pause gets it, and the step succeeds', async () => {
    const image = await bench.pushImage('heal/throttled');
    let asked = 0;
    bench.wire.registry = () => (asked++ === 0 ? { kind: 'reply', status: 429, headers: { 'retry-after': '1' } } : undefined);
    const started = Date.now();
    const end = await runStep(sign(image, { log: 'never' }));
    expect(end).toMatchObject({ code: 0, results: { outcome: 'ok', subject: image } });
    expect(Date.now() - started).toBeGreaterThan(1000);
    expect(end.stderr).toMatch(/^warn: retrying to (?:resolve|list referrers of) .*: status 429/m);
  });
});
