// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ErrorKind, EXIT_CODE } from '../../../lib/errors/errors.ts';
import { type Cosign, openCosign } from '../../cosign/cosign.ts';
import type { RunEvent } from './event-receiver.ts';
import { occurrencesOf } from './evidence-reading.ts';
import { standingOf, tagsOf } from './evidence-standing.ts';
import { DEPLOYMENT, type FailuresScene, openFailuresScene } from './failures-scene.ts';
import { kubectl } from './install-as-admin.ts';
import { getJson, logOf, type RunEnd, type TaskEnd, taskOf } from './tekton-run.ts';

const SIGNATURE = 'https://sigstore.dev/cosign/sign/v1';
const SBOM = 'https://cyclonedx.org/bom';
const VSA = 'https://slsa.dev/verification_summary/v1';

/** Tekton's reason of a TaskRun whose step ended with another exit code than 0; older ones say Failed. */
const FAILED = /^(Step)?Failed$/;

let dir: string;
let scene: FailuresScene;
let cosign: Cosign;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'failures-'));
  scene = await openFailuresScene();
  cosign = await openCosign(join(dir, 'cosign'));
  await writeFile(join(dir, 'cosign.pub'), scene.team.publicKey);
  await writeFile(join(dir, 'trusted_root.json'), scene.trustedRoot);
});

afterEach(() => {
  for (const proxy of Object.values(scene.proxies)) proxy.faults();
});

afterAll(async () => {
  await scene?.close();
  await rm(dir, { recursive: true, force: true });
});

function digestOf(image: string): string {
  return image.split('@')[1] ?? '';
}

/** The task ended with the exit code of the kind and says so in its result; gives its log. */
async function failedAs(end: RunEnd, name: string, kind: ErrorKind): Promise<{ task: TaskEnd; log: string }> {
  const task = taskOf(end, name);
  const log = await logOf(scene.suite.bed, end, task);
  expect(Object.values(task.exitCodes), log).toEqual([EXIT_CODE[kind]]);
  expect(task.reason, task.message).toMatch(FAILED);
  expect(task.results['outcome']).toBe(kind);
  return { task, log };
}

function isRun(end: RunEnd, name: string): boolean {
  return end.tasks.some(({ task }) => task === name);
}

/** What notify told of the run, which must be one event. */
function toldOf(end: RunEnd): RunEvent['data'] {
  const events = scene.receiver.about(end.name);
  expect(events.map(({ data }) => data.state)).toHaveLength(1);
  expect(taskOf(end, 'notify')).toMatchObject({ reason: 'Succeeded', results: { delivered: 'webhook', failed: '' } });
  return events[0]?.data as RunEvent['data'];
}

function isSignedFor(image: string): Promise<{ code: number }> {
  return cosign.verify(image, { publicKey: join(dir, 'cosign.pub'), trustedRoot: join(dir, 'trusted_root.json') });
}

/** Entries that the log took. */
function entries(): number {
  return scene.proxies.log.done.filter(({ method, status }) => method === 'POST' && status < 300).length;
}

async function kindsInGrafeas(image: string): Promise<string[]> {
  return (await occurrencesOf(scene.suite, scene.grafeasProject, digestOf(image))).map(({ kind }) => kind).sort();
}

describe('an image that nobody signed', () => {
  test('is denied after the approval: rules and object are named, nothing is promoted or committed, and people are told', async () => {
    const image = await scene.push('unsigned');
    const before = await scene.gitops.commits();
    const end = await scene.approved(await scene.releaseImage(image));
    expect(end).toMatchObject({ succeeded: false, reason: 'Failed' });
    const { task, log } = await failedAs(end, 'verdict', 'denied');
    expect(task.results).toMatchObject({ verdict: 'failed', failed: 'signed,logged,sbom', subject: image, 'vsa-digest': '' });
    expect(log).toContain('code=VERDICT_FAILED');
    for (const rule of ['signed', 'logged', 'sbom']) expect(log).toContain(`  - ${rule}: ${digestOf(image)}: there is no `);
    expect(log).toContain('hint: the verdict names each failed rule, the object and what to do about it');
    expect(['promote', 'commit', 'sync', 'record'].filter((name) => isRun(end, name))).toEqual([]);
    expect(await tagsOf(scene.release)).toEqual([]);
    expect(await scene.gitops.commits()).toEqual(before);
    const told = toldOf(end);
    expect(told).toMatchObject({ state: 'failed', details: { Image: image, Verdict: 'failed' }, notes: [] });
    expect(told.failures).toMatchObject([{ task: 'verdict', reason: expect.stringMatching(/Failed, denied$/) }]);
  });
});

describe('one image through a log, a store and a registry that fail one after another', () => {
  let image: string;
  beforeAll(async () => {
    image = await scene.push('unlucky');
  });

  test('the log goes down after its first entry: transient, what is not logged stays pending', async () => {
    let asked = 0;
    scene.proxies.log.faults(({ method }) => (method === 'POST' && asked++ === 0 ? 'pass' : 'cut'));
    const end = await scene.ended(await scene.secureImage(image));
    scene.proxies.log.faults();
    expect(end).toMatchObject({ succeeded: false, reason: 'Failed' });
    for (const name of ['log', 'seal']) {
      const { log } = await failedAs(end, name, 'transient');
      expect(log).toContain('code=HTTP_UNREACHABLE');
      expect(log).toMatch(new RegExp(`cannot add an entry to the transparency log: .* from ${scene.proxies.log.url}/`));
      expect(log).toMatch(/hint: .*run again/);
    }
    expect(['store', 'verdict'].filter((name) => isRun(end, name))).toEqual([]);
    expect(await standingOf(image)).toHaveLength(2);
    expect((await standingOf(image)).map((line) => line.split(' ')[0])).toEqual(['bundle', 'pending']);
    expect(entries()).toBe(1);
    expect(toldOf(end)).toMatchObject({
      state: 'failed',
      failures: expect.arrayContaining([expect.objectContaining({ task: 'log', reason: expect.stringMatching(/Failed, transient$/) })]),
    });
  });

  test('run again it goes on where it was; then Grafeas goes down with its first answer', async () => {
    let isDown = false;
    scene.proxies.grafeas.faults(({ method, path }) => {
      if (isDown) return 'cut';
      isDown = method === 'POST' && path.includes('/occurrences');
      return isDown ? 'lose' : 'pass';
    });
    const end = await scene.ended(await scene.secureImage(image));
    scene.proxies.grafeas.faults();
    expect(end).toMatchObject({ succeeded: false, reason: 'Failed' });
    expect(taskOf(end, 'log').results).toMatchObject({ completed: '1', proved: '2' });
    const { log } = await failedAs(end, 'store', 'transient');
    expect(log).toContain('code=HTTP_UNREACHABLE');
    expect(log).toContain(scene.proxies.grafeas.url);
    expect(log).toMatch(/hint: .*run again/);
    expect(isRun(end, 'verdict')).toBe(false);
    expect(taskOf(end, 'seal').reason).toBe('Succeeded');
    expect(await standingOf(image)).toEqual([`bundle ${SBOM}`, `bundle ${SIGNATURE}`]);
    expect(await kindsInGrafeas(image)).not.toEqual([]);
    expect(toldOf(end)).toMatchObject({ state: 'failed', failures: [{ task: 'store', reason: expect.stringMatching(/Failed, transient$/) }] });
  });

  test('run again the registry is killed in the middle of an upload and comes back: the run succeeds, and nothing stands twice', async () => {
    let restarted: Promise<void> | undefined;
    scene.proxies.registry.faults(({ method }) => {
      if (method !== 'PUT' || restarted) return 'pass';
      restarted = scene.ownRegistry.kill().then(scene.ownRegistry.start);
      return 'cut';
    });
    const end = await scene.ended(await scene.secureImage(image));
    scene.proxies.registry.faults();
    await restarted;
    expect(restarted).toBeDefined();
    expect(end).toMatchObject({ succeeded: true, results: { verdict: 'passed', failed: '', subject: image } });
    expect(['sign', 'attest-sbom'].map((name) => taskOf(end, name).results['action'])).toEqual(['kept', 'kept']);
    expect(await standingOf(image)).toEqual([`bundle ${SBOM}`, `bundle ${SIGNATURE}`, `bundle ${VSA}`]);
    expect(entries()).toBe(3);
    expect(await kindsInGrafeas(image)).toEqual(['ATTESTATION', 'SBOM_REFERENCE']);
    expect(await isSignedFor(image)).toMatchObject({ code: 0 });
    expect(toldOf(end)).toMatchObject({ state: 'succeeded', failures: [], details: { Verdict: 'passed' } });
  });

  test('a registry that stays away is no verdict: transient, nothing is judged', async () => {
    scene.proxies.registry.faults(() => 'cut');
    const end = await scene.ended(await scene.judge(image));
    scene.proxies.registry.faults();
    const [{ task } = { task: '' }] = end.tasks;
    const { task: judged, log } = await failedAs(end, task, 'transient');
    expect(judged.results).toEqual({ outcome: 'transient', subject: image });
    expect(log).toContain('code=HTTP_UNREACHABLE');
    expect(log).toContain(scene.proxies.registry.host);
    expect(log).not.toContain('VERDICT_FAILED');
  });

  test('a constraint of Gatekeeper denies the sync: told at once, by constraint and message; without it the same run goes through', async () => {
    const { frozen, appNamespace, gitops } = scene;
    const before = await gitops.commits();
    await frozen.deny();
    const denied = await scene.approved(await scene.releaseImage(image));
    expect(denied).toMatchObject({ succeeded: false, reason: 'Failed' });
    const { task, log } = await failedAs(denied, 'sync', 'denied');
    expect(log).toContain('code=POLICY_DENIED');
    expect(log).toContain(`- apps/Deployment ${appNamespace}/${DEPLOYMENT}: refused by ${frozen.name} (validation.gatekeeper.sh): Deployment app is frozen`);
    expect(log).toMatch(/hint: correct the objects named above in Git, or the policy that refuses them/);
    expect(task.results['failed-resources']).toBe(`apps/Deployment ${appNamespace}/${DEPLOYMENT}`);
    expect(Number(/seconds=([\d.]+)/.exec(log)?.[1])).toBeLessThan(90);
    expect(isRun(denied, 'record')).toBe(false);
    expect(await deployedImage()).not.toContain(digestOf(image));
    expect(toldOf(denied)).toMatchObject({ state: 'failed', failures: [{ task: 'sync', reason: expect.stringMatching(/Failed, denied$/) }] });

    await frozen.allow();
    const healed = await scene.approved(await scene.releaseImage(image));
    expect(healed).toMatchObject({ succeeded: true });
    expect(taskOf(healed, 'commit').results).toMatchObject({ changed: 'false' });
    expect(await gitops.commits()).toHaveLength(before.length + 1);
    expect(await deployedImage()).toBe(`${scene.release}@${digestOf(image)}`);
    expect(await kindsInGrafeas(image)).toEqual(['ATTESTATION', 'DEPLOYMENT', 'SBOM_REFERENCE']);
    expect(await standingOf(`${scene.release}@${digestOf(image)}`)).toEqual([`bundle ${SBOM}`, `bundle ${SIGNATURE}`, `bundle ${VSA}`]);
    expect(toldOf(healed)).toMatchObject({ state: 'succeeded', failures: [] });
  });

  async function deployedImage(): Promise<string> {
    const { spec } = await getJson<Deployment>(scene.suite.bed, ['deployment', DEPLOYMENT, '-n', scene.appNamespace]);
    return spec.template.spec.containers[0]?.image ?? '';
  }
});

type Deployment = { spec: { template: { spec: { containers: { image: string }[] } } } };

describe('a run that somebody cancels', () => {
  test('in the middle of logging: finally runs, and nothing half-published passes for a signature', async () => {
    const image = await scene.push('cancelled');
    const before = entries();
    const { promise: isLogging, resolve } = Promise.withResolvers<void>();
    scene.proxies.log.faults(() => {
      resolve();
      return 'hold';
    });
    const run = await scene.secureImage(image);
    const ended = scene.ended(run);
    await Promise.race([isLogging, ended]);
    expect(await standingOf(image)).toEqual([`pending ${SBOM}`, `pending ${SIGNATURE}`]);
    expect((await isSignedFor(image)).code).not.toBe(0);
    scene.proxies.log.faults();
    const patch = JSON.stringify({ spec: { status: 'CancelledRunFinally' } });
    await kubectl(scene.suite.bed, ['patch', 'pipelinerun', run.name, '-n', run.namespace, '--type', 'merge', '-p', patch]);
    const end = await ended;
    expect(end).toMatchObject({ succeeded: false, reason: 'Cancelled' });
    expect(taskOf(end, 'log').reason).toBe('TaskRunCancelled');
    expect(isRun(end, 'verdict')).toBe(false);
    expect(taskOf(end, 'seal')).toMatchObject({ reason: 'Succeeded', results: { completed: '2' } });
    expect(await standingOf(image)).toEqual([`bundle ${SBOM}`, `bundle ${SIGNATURE}`]);
    expect(entries() - before).toBe(2);
    expect(toldOf(end)).toMatchObject({ state: 'cancelled', failures: [{ task: 'log', reason: 'TaskRunCancelled' }] });
  });
});
