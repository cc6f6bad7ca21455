// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cosign, type CosignTrust, openCosign, printedPredicates } from '../../cosign/cosign.ts';
import { deliverOnce } from './deliver-run.ts';
import { DEPLOYMENT_FILE, type DeliverScene, openDeliverScene } from './deliver-scene.ts';
import { occurrencesOf, referrersOf } from './evidence-reading.ts';
import { getJson, type RunEnd, taskOf } from './tekton-run.ts';

/** Argo CD waits longer after each time that it heals an application. */
const HEALED_MS = 120_000;
const VSA = 'https://slsa.dev/verification_summary/v1';

type CustomRun = { status: { results: { name: string; value: string }[] } };

let scene: DeliverScene;
let dir: string;
let cosign: Cosign;
let trust: CosignTrust;
let pullRequest: number;
let pushed: string;
let first: RunEnd;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'deliver-'));
  scene = await openDeliverScene();
  cosign = await openCosign(join(dir, 'cosign'));
  trust = { publicKey: join(dir, 'cosign.pub'), trustedRoot: scene.suite.trustedRootFile };
  await writeFile(trust.publicKey, scene.team.publicKey);
  pullRequest = await scene.source.propose('app/greeting.txt', 'good morning\n', 'Greet by the time of day');
  pushed = await scene.source.merge(pullRequest);
  first = await deliverOnce(scene, 1);
}, 420_000);

afterAll(async () => {
  await scene?.close();
  await rm(dir, { recursive: true, force: true });
});

function digestOf(end: RunEnd): string {
  return end.results['IMAGE_DIGEST'] ?? '';
}

type Pod = { metadata: { name: string }; status: { phase: string; containerStatuses?: { imageID: string; ready: boolean }[] } };

async function runningPods(): Promise<Pod[]> {
  const { items } = await getJson<{ items: Pod[] }>(scene.suite.bed, ['pod', '-n', scene.appNamespace]);
  return items;
}

describe('a merge on Gitea', () => {
  test('is built from the commit that was pushed, and the build says so to Tekton Chains', () => {
    expect(first.results).toMatchObject({
      commit: pushed,
      'CHAINS-GIT_COMMIT': pushed,
      'CHAINS-GIT_URL': scene.source.url,
      IMAGE_URL: `${scene.staging}:${pushed}`,
      IMAGE_DIGEST: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      verdict: 'passed',
      'release-reference': `${scene.release}@${digestOf(first)}`,
    });
  });

  test('was approved by somebody else than who pushed', async () => {
    const { namespace } = scene.team;
    const { items } = await getJson<{ items: CustomRun[] }>(scene.suite.bed, ['customrun', '-n', namespace, '-l', `tekton.dev/pipelineRun=${first.name}`]);
    const results = items.map(({ status }) => Object.fromEntries(status.results.map(({ name, value }) => [name, value])));
    expect(results).toMatchObject([
      { decision: 'approved', approvers: scene.approver.user, requester: 'bed', comments: expect.stringContaining('change log read') },
    ]);
  });

  test('needed no more rights than its README gives', async () => {
    const may = async (account: string, verb: string, what: string): Promise<string> => {
      const as = `--as=system:serviceaccount:${scene.team.namespace}:${account}`;
      return (await scene.suite.bed.kubectl(['auth', 'can-i', verb, what, as, '-n', scene.team.namespace])).stdout.trim();
    };
    expect(await may('deliver', 'get', 'pipelineruns.tekton.dev')).toBe('yes');
    for (const [verb, what] of [
      ['get', 'secrets'],
      ['create', 'pods'],
      ['create', 'pipelineruns.tekton.dev'],
      ['patch', 'customruns.tekton.dev/status'],
    ] as const) {
      expect([verb, what, await may('deliver', verb, what)]).toEqual([verb, what, 'no']);
    }
    expect(await may('deliver-listener', 'get', 'secrets')).toBe('no');
  });

  test('runs: all pods have the digest that was built', async () => {
    const pods = await runningPods();
    expect(pods.map(({ status }) => status.containerStatuses?.map(({ imageID }) => imageID.split('@')[1]))).toEqual([[digestOf(first)]]);
    expect((await scene.application.read()).status).toMatchObject({
      sync: { status: 'Synced', revision: await scene.gitops.head() },
      health: { status: 'Healthy' },
    });
  });

  test('stands in the GitOps repository as one commit that says where it came from', async () => {
    const [newest, before] = await scene.gitops.commits();
    expect(newest?.sha).toBe(first.results['release-commit']);
    expect(before?.message.trim()).toBe('first');
    expect(newest?.message).toContain(`Source-Commit: ${pushed}`);
    expect(newest?.message).toContain(`Image-Digest: ${digestOf(first)}`);
    expect(newest?.message).toContain(`Approved-By: ${scene.approver.user}`);
    expect(await scene.gitops.file(DEPLOYMENT_FILE)).toContain(`image: ${scene.release}@${digestOf(first)} # by digest`);
  });

  test('is verified in the release repository by the real cosign', async () => {
    const image = `${scene.release}@${digestOf(first)}`;
    expect(await cosign.verify(image, trust)).toMatchObject({ code: 0 });
    const sbom = await cosign.verifyAttestation(image, 'cyclonedx', trust);
    expect(sbom).toMatchObject({ code: 0 });
    expect(JSON.stringify(printedPredicates(sbom.stdout))).toContain('pkg:npm/greeting@2.1.0');
    const vsa = await cosign.verifyAttestation(image, VSA, trust);
    expect(vsa).toMatchObject({ code: 0 });
    expect(printedPredicates(vsa.stdout)).toMatchObject([{ verificationResult: 'PASSED' }]);
  });

  test('is not verified with the key of somebody else', async () => {
    const other = join(dir, 'other');
    await mkdir(other);
    expect(await cosign.generateKeyPair(other, 'other')).toMatchObject({ code: 0 });
    const image = `${scene.release}@${digestOf(first)}`;
    expect((await cosign.verify(image, { ...trust, publicKey: join(other, 'cosign.pub') })).code).not.toBe(0);
  });

  test('is recorded in Grafeas', async () => {
    const occurrences = await occurrencesOf(scene.suite, scene.application.name, digestOf(first));
    expect(occurrences.map(({ kind }) => kind).sort()).toEqual(['ATTESTATION', 'DEPLOYMENT', 'SBOM_REFERENCE']);
  });

  test('has a commit status and a comment on its pull request', async () => {
    expect(await statuses()).toMatchObject([{ context: 'supply-chain/deliver', status: 'success' }]);
    const [comment, ...more] = await comments();
    expect(more).toEqual([]);
    expect(comment?.body).toContain(digestOf(first));
  });

  test('is healed when somebody edits the deployment by hand', async () => {
    const { suite, appNamespace } = scene;
    const deployment = ['deployment', 'app', '-n', appNamespace];
    const spec = async (): Promise<{ replicas: number; image: string | undefined }> => {
      const { spec } = await getJson<Deployment>(suite.bed, deployment);
      return { replicas: spec.replicas, image: spec.template.spec.containers[0]?.image };
    };
    const wanted = await spec();
    expect(await suite.bed.kubectl(['scale', ...deployment, '--replicas=3'])).toMatchObject({ code: 0 });
    await expect.poll(spec, { timeout: HEALED_MS, interval: 500 }).toEqual(wanted);
    expect(await suite.bed.kubectl(['set', 'image', ...deployment, 'app=172.31.255.1:5000/peers/app-base'])).toMatchObject({ code: 0 });
    await expect.poll(spec, { timeout: HEALED_MS, interval: 500 }).toEqual(wanted);
  });
});

type Deployment = { spec: { replicas: number; template: { spec: { containers: { image: string }[] } } } };
type Status = { context: string; status: string; description: string };

/** The newest of each context, which is what people see; a run that took longer says so in a new one. */
async function statuses(): Promise<Status[]> {
  return ((await scene.forge.api('GET', `/repos/${scene.source.name}/commits/${pushed}/status`)) as { statuses: Status[] }).statuses;
}

async function comments(): Promise<{ id: number; body: string }[]> {
  return (await scene.forge.api('GET', `/repos/${scene.source.name}/issues/${pullRequest}/comments`)) as { id: number; body: string }[];
}

describe('another push', () => {
  type Traces = { staging: string[]; release: string[]; recorded: string[]; commits: number; statuses: number; comments: number; syncs: number };

  async function traces(): Promise<Traces> {
    const digest = digestOf(first);
    const occurrences = await occurrencesOf(scene.suite, scene.application.name, digest);
    return {
      staging: await referrersOf(`${scene.staging}@${digest}`),
      release: await referrersOf(`${scene.release}@${digest}`),
      recorded: occurrences.map(({ noteName, resource }) => `${noteName.split('/').at(-1)} ${resource.uri}`).sort(),
      commits: (await scene.gitops.commits()).length,
      statuses: (await statuses()).length,
      comments: (await comments()).length,
      syncs: (await scene.application.read()).status?.history?.length ?? 0,
    };
  }

  test('of the same commit builds the same digest and leaves nothing twice, and a forged one starts nothing', async () => {
    const before = await traces();
    expect(await scene.pushForged()).toBe(202);
    await scene.pushAgain();
    const second = await deliverOnce(scene, 2);
    expect(digestOf(second)).toBe(digestOf(first));
    expect(taskOf(second, 'commit').results['changed']).toBe('false');
    // What the first run found out last, its verdict, Grafeas learns from the next one.
    const verdict = `tekton-supply-chain-vsa https://${scene.staging}@${digestOf(first)}`;
    expect(await traces()).toEqual({ ...before, recorded: [...before.recorded, verdict].sort() });
    const { items } = await getJson<{ items: unknown[] }>(scene.suite.bed, ['pipelinerun', '-n', scene.team.namespace]);
    expect(items).toHaveLength(2);
  });
});
