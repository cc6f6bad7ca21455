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

const VSA = 'https://slsa.dev/verification_summary/v1';

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
});

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

  test('was approved by a person of his own, not by whom has asked', () => {
    expect(taskOf(first, 'commit').results['changed']).toBe('true');
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
    expect(occurrences.map(({ kind }) => kind).sort()).toEqual(['ATTESTATION', 'DEPLOYMENT', 'SBOM']);
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
    await expect.poll(spec, { timeout: 60_000, interval: 500 }).toEqual(wanted);
    expect(await suite.bed.kubectl(['set', 'image', ...deployment, 'app=172.31.255.1:5000/peers/app-base'])).toMatchObject({ code: 0 });
    await expect.poll(spec, { timeout: 60_000, interval: 500 }).toEqual(wanted);
  });
});

type Deployment = { spec: { replicas: number; template: { spec: { containers: { image: string }[] } } } };
type Status = { context: string; status: string; description: string };

async function statuses(): Promise<Status[]> {
  return (await scene.forge.api('GET', `/repos/${scene.source.name}/statuses/${pushed}`)) as Status[];
}

async function comments(): Promise<{ id: number; body: string }[]> {
  return (await scene.forge.api('GET', `/repos/${scene.source.name}/issues/${pullRequest}/comments`)) as { id: number; body: string }[];
}

describe('the same push again', () => {
  type Traces = { staging: string[]; release: string[]; occurrences: number; commits: number; statuses: number; comments: number; syncs: number };

  async function traces(): Promise<Traces> {
    const digest = digestOf(first);
    return {
      staging: await referrersOf(`${scene.staging}@${digest}`),
      release: await referrersOf(`${scene.release}@${digest}`),
      occurrences: (await occurrencesOf(scene.suite, scene.application.name, digest)).length,
      commits: (await scene.gitops.commits()).length,
      statuses: (await statuses()).length,
      comments: (await comments()).length,
      syncs: (await scene.application.read()).status?.history?.length ?? 0,
    };
  }

  test('builds the same digest, and leaves nothing twice', async () => {
    const before = await traces();
    await scene.pushAgain();
    const second = await deliverOnce(scene, 2);
    expect(digestOf(second)).toBe(digestOf(first));
    expect(taskOf(second, 'commit').results['changed']).toBe('false');
    expect(await traces()).toEqual(before);
  });
});
