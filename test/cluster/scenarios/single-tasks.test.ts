// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseDigestReference } from '../../../lib/reference/reference.ts';
import { PROJECT } from '../../../scripts/images/place.ts';
import { type Cosign, type CosignTrust, openCosign, printedPredicates } from '../../cosign/cosign.ts';
import { type ArtifactPlace, type Bundled, openArtifactPlace } from './artifact-place.ts';
import { referrersOf } from './evidence-reading.ts';
import { fusedRun, SECURE_POLICY, TEAM_WORKSPACES } from './secure-runs.ts';
import { installCatalog, openSuite, type Suite } from './suite.ts';
import { createTeam, deleteTeam, RUN_ACCOUNT, type Team } from './team.ts';
import { explain, logOf, type RunEnd, runToEnd, runToSuccess } from './tekton-run.ts';

const VSA = 'https://slsa.dev/verification_summary/v1';
const ABSENT = `sha256:${'0'.repeat(64)}`;
const TASKS = join(PROJECT, 'catalog', 'task');

let dir: string;
let suite: Suite;
/** Has the catalog installed. */
let team: Team;
/** Has nothing installed. */
let guest: Team;
let artifacts: ArtifactPlace;
let image: string;
let cosign: Cosign;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'single-tasks-'));
  suite = await openSuite();
  artifacts = openArtifactPlace(suite.registry);
  const options = { trustedRoot: suite.trustedRoot, policy: SECURE_POLICY };
  [team, guest] = await Promise.all([createTeam(suite.bed, { name: 'tasks', ...options }), createTeam(suite.bed, { name: 'guest', ...options })]);
  await installCatalog(suite, team.namespace);
  image = await artifacts.image(`${team.namespace}/app`, `single-${team.namespace}`);
  cosign = await openCosign(join(dir, 'cosign'));
});

afterAll(async () => {
  artifacts?.close();
  for (const { namespace } of [team, guest].filter((made) => made !== undefined)) await deleteTeam(suite.bed, { namespace });
  await rm(dir, { recursive: true, force: true });
});

type TaskRunOptions = { namespace?: string; ref: object; params: Record<string, string>; workspaces?: object[] };

function taskRun({ namespace = team.namespace, ref, params, workspaces = [] }: TaskRunOptions): object {
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'TaskRun',
    metadata: { generateName: 'single-', namespace },
    spec: { serviceAccountName: RUN_ACCOUNT, taskRef: ref, params: paramsOf(params), workspaces },
  };
}

function paramsOf(values: Record<string, string>): object[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** The log of a run of one task. */
async function logOfRun(end: RunEnd): Promise<string> {
  const [task] = end.tasks;
  return task === undefined ? '' : logOf(suite.bed, end, task);
}

describe('a Task alone, without any workspace', () => {
  test('promote copies the image and gives its reference', async () => {
    const to = `${suite.registry}/${team.namespace}/release`;
    const end = await runToSuccess(suite.bed, taskRun({ ref: { name: 'promote' }, params: { image, to, 'insecure-registries': suite.insecure } }));
    const reference = `${to}@${parseDigestReference(image).digest}`;
    expect(end.results).toEqual({ subject: image, outcome: 'ok', 'release-reference': reference, 'evidence-copied': '0' });
    expect((await artifacts.client.resolve(parseDigestReference(reference))).digest).toBe(parseDigestReference(image).digest);
  });

  test('tells all wrong params at once with exit code 64, and says what it was about', async () => {
    const params = { image, 'rekor-url': 'somewhere', timeout: 'soon' };
    const end = await runToEnd(suite.bed, taskRun({ ref: { name: 'rekor-upload' }, params }));
    const why = await explain(suite.bed, end);
    expect(end.succeeded, why).toBe(false);
    expect(end.tasks[0]?.exitCodes, why).toEqual({ 'rekor-upload': 64 });
    expect(end.results, why).toMatchObject({ subject: image, outcome: 'input' });
    expect(await logOfRun(end)).toMatch(/rekor-url[\s\S]*timeout[\s\S]*hint: /);
  });

  test('tells what is missing with exit code 64 and how to give it', async () => {
    const end = await runToEnd(suite.bed, taskRun({ ref: { name: 'rekor-upload' }, params: { image, 'rekor-url': suite.rekorUrl } }));
    const why = await explain(suite.bed, end);
    expect(end.tasks[0]?.exitCodes, why).toEqual({ 'rekor-upload': 64 });
    expect(end.results, why).toMatchObject({ subject: image, outcome: 'input' });
    const log = await logOfRun(end);
    expect(log).toContain('TRUSTED_ROOT_MISSING');
    expect(log).toContain('hint: bind the workspace trust');
  });

  test('tells an artifact that is not there as refused by the registry', async () => {
    const absent = `${image.split('@')[0]}@${ABSENT}`;
    const params = { image: absent, to: `${suite.registry}/${team.namespace}/other`, 'insecure-registries': suite.insecure };
    const end = await runToEnd(suite.bed, taskRun({ ref: { name: 'promote' }, params }));
    const why = await explain(suite.bed, end);
    expect(end.tasks[0]?.exitCodes, why).toEqual({ promote: 77 });
    expect(end.results, why).toMatchObject({ subject: absent, outcome: 'refused' });
  });
});

describe('a Task from elsewhere', () => {
  const REPORTS = [{ name: 'reports', emptyDir: {} }];
  const sbomOf = (): Record<string, string> => ({ image, 'insecure-registries': suite.insecure });

  function clusterRef(name: string): object {
    return { resolver: 'cluster', params: paramsOf({ kind: 'task', name, namespace: team.namespace }) };
  }

  async function bundleRef(name: string): Promise<object> {
    const file = join(suite.rendered, 'task', 'sbom-generate', 'sbom-generate.yaml');
    const bundle = await artifacts.bundle(`${team.namespace}/bundle`, [parse(await readFile(file, 'utf8')) as Bundled]);
    return { resolver: 'bundles', params: paramsOf({ bundle, kind: 'task', name }) };
  }

  test('the cluster resolver gives that of another namespace', async () => {
    const run = taskRun({ namespace: guest.namespace, ref: clusterRef('sbom-generate'), params: sbomOf(), workspaces: REPORTS });
    expect((await runToSuccess(suite.bed, run)).results).toMatchObject({ subject: image, outcome: 'ok', components: '1', completeness: 'complete' });
  });

  test('the bundles resolver gives that of a bundle in a registry', async () => {
    const run = taskRun({ namespace: guest.namespace, ref: await bundleRef('sbom-generate'), params: sbomOf(), workspaces: REPORTS });
    expect((await runToSuccess(suite.bed, run)).results).toMatchObject({ subject: image, outcome: 'ok', components: '1', completeness: 'complete' });
  });

  test.each([
    ['cluster', async () => clusterRef('sbom-genrate')],
    ['bundles', async () => bundleRef('sbom-genrate')],
  ])('the %s resolver says which one it does not find', async (_resolver, ref) => {
    const end = await runToEnd(suite.bed, taskRun({ namespace: guest.namespace, ref: await ref(), params: sbomOf(), workspaces: REPORTS }));
    expect(end).toMatchObject({ succeeded: false, reason: 'TaskRunResolutionFailed', message: expect.stringContaining('sbom-genrate') });
    expect(end.tasks.map(({ pod }) => pod)).toEqual([undefined]);
  });

  test('policy-check from there denies an image without evidence, with exit code 20 and its verdict as result', async () => {
    const ref = { resolver: 'cluster', params: paramsOf({ kind: 'task', name: 'policy-check', namespace: team.namespace }) };
    const workspaces = TEAM_WORKSPACES.filter(({ name }) => name !== 'signing-key');
    const params = { image, 'trusted-root': 'trusted_root.json', 'insecure-registries': suite.insecure };
    const end = await runToEnd(suite.bed, taskRun({ namespace: guest.namespace, ref, params, workspaces }));
    const why = await explain(suite.bed, end);
    expect(end.tasks[0]?.exitCodes, why).toEqual({ 'policy-check': 20 });
    expect(end.results, why).toMatchObject({ subject: image, outcome: 'denied', verdict: 'failed' });
  });
});

describe('StepActions fused in one pod', () => {
  let trust: CosignTrust;
  let fused: string;
  let end: RunEnd;

  beforeAll(async () => {
    trust = { publicKey: join(dir, 'cosign.pub'), trustedRoot: suite.trustedRootFile };
    await writeFile(trust.publicKey, team.publicKey);
    fused = await artifacts.image(`${team.namespace}/fused`, `fused-${team.namespace}`);
    end = await runToSuccess(suite.bed, fusedRun({ suite, team, image: fused }));
  });

  test('hand results and files from step to step', () => {
    expect(end.results).toEqual({
      subject: fused,
      verdict: 'passed',
      components: '1',
      signature: 'pending',
      completed: '2',
      'vsa-digest': expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
    expect(end.tasks.map(({ exitCodes }) => Object.keys(exitCodes))).toEqual([['sbom', 'sign', 'attest-sbom', 'log', 'verdict', 'seal']]);
  });

  test('leave what the real cosign verifies', async () => {
    expect(await cosign.verify(fused, trust)).toMatchObject({ code: 0 });
    const sbom = await cosign.verifyAttestation(fused, 'cyclonedx', trust);
    expect(sbom).toMatchObject({ code: 0 });
    expect(JSON.stringify(printedPredicates(sbom.stdout))).toContain(`pkg:npm/fused-${team.namespace}@1.2.3`);
    const vsa = await cosign.verifyAttestation(fused, VSA, trust);
    expect(vsa).toMatchObject({ code: 0 });
    expect(printedPredicates(vsa.stdout)).toMatchObject([{ verificationResult: 'PASSED' }]);
  });

  test('leave nothing that it verifies for an image that they were not about', async () => {
    expect((await cosign.verify(image, trust)).code).not.toBe(0);
  });

  test('do it again without making anything twice', async () => {
    const before = await referrersOf(fused);
    expect(before).toHaveLength(3);
    const again = await runToSuccess(suite.bed, fusedRun({ suite, team, image: fused }));
    expect(again.results).toMatchObject({ verdict: 'passed', signature: 'kept', completed: '0' });
    expect(await referrersOf(fused)).toEqual(before);
  });

  test('stop at the first step that says no, with its exit code', async () => {
    const absent = `${fused.split('@')[0]}@${ABSENT}`;
    const failed = await runToEnd(suite.bed, fusedRun({ suite, team, image: absent }));
    const why = await explain(suite.bed, failed);
    expect(failed.succeeded, why).toBe(false);
    expect(failed.tasks[0]?.exitCodes, why).toMatchObject({ sbom: 77 });
    expect(failed.tasks[0]?.exitCodes['sign'], why).not.toBe(0);
  });
});

describe('the samples of every Task', () => {
  const samples = readdirSync(TASKS).flatMap((task) => {
    const folder = join(TASKS, task, 'samples');
    return existsSync(folder) ? readdirSync(folder).map((name) => join(task, 'samples', name)) : [];
  });
  const create = (stdin: string) => suite.bed.kubectl(['create', '--dry-run=server', '--validate=strict', '-n', team.namespace, '-f', '-'], stdin);

  test.each(samples)('%s is taken by the API server and by Tekton', async (sample) => {
    expect(await create(await readFile(join(TASKS, sample), 'utf8'))).toMatchObject({ code: 0, stderr: '' });
  });

  test.each([
    ['a misspelt field', (text: string) => text.replace('workspaces:', 'workspace:')],
    ['a workspace bound twice', (text: string) => text.replace('- name: registry-credentials', '- name: reports')],
  ])('one with %s is not', async (_what, change) => {
    const text = change(await readFile(join(TASKS, 'sbom-generate', 'samples', 'image.yaml'), 'utf8'));
    expect((await create(text)).code).toBe(1);
  });

  test('are there for every Task of the catalog', () => {
    expect([...new Set(samples.map((sample) => sample.split('/')[0]))]).toEqual(
      readdirSync(TASKS).filter((name) => existsSync(join(TASKS, name, `${name}.yaml`))),
    );
  });
});
