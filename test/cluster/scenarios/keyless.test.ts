// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, inject, onTestFailed, test } from 'vitest';
import { EXIT_CODE } from '../../../lib/errors/errors.ts';
import { printedPredicates } from '../../cosign/cosign.ts';
import { type CommandResult, runCommand } from '../../cosign/run-command.ts';
import { sigstoreEndpoints } from '../components/sigstore/endpoints.ts';
import { openAirGap } from './air-gap.ts';
import { pushAppImage } from './app-image.ts';
import { referrersOf } from './evidence-reading.ts';
import { standingOf } from './evidence-standing.ts';
import { type KeylessScene, openKeylessScene, STRANGER } from './keyless-scene.ts';
import { RUN_ACCOUNT } from './team.ts';
import { explain, logOf, type RunEnd, runToEnd, taskOf } from './tekton-run.ts';

const VSA = 'https://slsa.dev/verification_summary/v1';
const COMPLETE = ['bundle https://cyclonedx.org/bom', 'bundle https://sigstore.dev/cosign/sign/v1', `bundle ${VSA}`];

let dir: string;
let scene: KeylessScene;
/** One image a log, and one that a stranger signs. */
let images: Record<'v2' | 'v1' | 'stranger', string>;
/** Runs of the three, which wait for servers more than they compute, at the same time. */
let ends: Record<'v2' | 'v1' | 'stranger', RunEnd>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'keyless-'));
  scene = await openKeylessScene();
  const { suite, team } = scene;
  const push = (name: string) => pushAppImage(suite.bed, { registry: suite.registry, repository: `${team.namespace}/${name}`, note: name });
  images = { v2: await push('v2'), v1: await push('v1'), stranger: await push('stranger') };
  const runs = [scene.secureRun(images.v2, 'v2'), scene.secureRun(images.v1, 'v1'), scene.signAndJudgeRun(images.stranger, STRANGER)];
  const [v2, v1, stranger] = (await Promise.all(runs.map((run) => runToEnd(suite.bed, run)))) as [RunEnd, RunEnd, RunEnd];
  ends = { v2, v1, stranger };
});

afterAll(async () => {
  await scene?.close();
  await rm(dir, { recursive: true, force: true });
});

/** When the test fails, everything that a person needs of this run is told. */
function explained(end: RunEnd): RunEnd {
  onTestFailed(async () => console.error(await explain(scene.suite.bed, end)));
  return end;
}

/** The real cosign, which knows no key and whom the certificate has to name. */
function cosign(command: readonly string[], image: string, account: string): Promise<CommandResult> {
  const whom = ['--certificate-identity', scene.subjectOf(account), '--certificate-oidc-issuer', scene.issuer];
  const args = [...command, ...whom, '--trusted-root', scene.suite.trustedRootFile, image];
  return runCommand(inject('cosign'), args, { cwd: dir, env: { PATH: process.env['PATH'], HOME: dir } });
}

describe("secure-image with nothing but the pod's own token", () => {
  test.each(['v2', 'v1'] as const)('Rekor %s: the verdict passes, and signature, SBOM and verdict are by the service account', async (log) => {
    const end = explained(ends[log]);
    expect(end).toMatchObject({ succeeded: true, results: { verdict: 'passed', failed: '', subject: images[log] } });
    expect(await standingOf(images[log])).toEqual(COMPLETE);
  });

  test('Rekor v2: what waited for the log was put into it, verified by its timestamp and certificate', () => {
    const end = explained(ends.v2);
    expect(taskOf(end, 'sign').results).toMatchObject({ action: 'pending' });
    expect(taskOf(end, 'log').results).toMatchObject({ completed: '2', proved: '2' });
    expect(taskOf(end, 'seal').results).toMatchObject({ completed: '1', proved: '3' });
  });

  test('Rekor v1: everything is logged at once, and nobody asks for the log afterwards', () => {
    const end = explained(ends.v1);
    expect(taskOf(end, 'sign').results).toMatchObject({ action: 'signed', 'log-index': expect.stringMatching(/^\d+$/) });
    expect(end.tasks.map(({ task }) => task).sort()).toEqual(['attest-sbom', 'sbom', 'sign', 'verdict']);
  });

  test.each(['v2', 'v1'] as const)('Rekor %s: the real cosign verifies it for this account and for no other', async (log) => {
    expect(await cosign(['verify'], images[log], RUN_ACCOUNT)).toMatchObject({ code: 0 });
    expect((await cosign(['verify'], images[log], STRANGER)).code).not.toBe(0);
    const summary = await cosign(['verify-attestation', '--type', VSA], images[log], RUN_ACCOUNT);
    expect(summary, summary.stderr).toMatchObject({ code: 0 });
    expect(printedPredicates(summary.stdout)).toMatchObject([{ verificationResult: 'PASSED' }]);
  });
});

describe('the same service account once more', () => {
  test('keeps its signature and its summary: nothing is signed, logged or published again', async () => {
    const { suite } = scene;
    const before = await referrersOf(images.v2);
    const end = explained(await runToEnd(suite.bed, scene.signAndJudgeRun(images.v2, RUN_ACCOUNT)));
    expect(end).toMatchObject({ succeeded: true, results: { signature: 'kept' } });
    expect(await logOf(suite.bed, end, taskOf(end, end.name))).toContain('verification summary: kept');
    expect(await referrersOf(images.v2)).toEqual(before);
  });
});

describe('another service account of the same namespace', () => {
  test('gets a certificate and a signature that cosign verifies as its own, and the policy denies it by name', async () => {
    const end = explained(ends.stranger);
    expect(end.tasks[0]?.exitCodes).toEqual({ 'cosign-sign': 0, 'policy-check': EXIT_CODE.denied });
    expect(await logOf(scene.suite.bed, end, taskOf(end, end.name))).toContain(scene.subjectOf(STRANGER));
    expect(await cosign(['verify'], images.stranger, STRANGER)).toMatchObject({ code: 0 });
  });
});

describe('cut off from everything but the registry', () => {
  test('policy-check judges with the mounted trusted root and asks no server of Sigstore; who wants to sign is turned away', async () => {
    const { suite } = scene;
    const { fulcio, tsa, rekorV1, rekorV2, rekorV2Tiles } = sigstoreEndpoints(suite.bed.node);
    const watched = [fulcio, tsa, rekorV1, rekorV2, rekorV2Tiles].map((url) => new URL(url).port);
    const gap = await openAirGap(suite.bed.node, { open: [new URL(`http://${suite.registry}`).port], watched });
    try {
      const judged = explained(await runToEnd(suite.bed, scene.judgeRun(images.v2)));
      expect(judged).toMatchObject({ succeeded: true, results: { verdict: 'passed', 'vsa-digest': '' } });
      expect(await gap.refused()).toBe(0);
      const signing = explained(await runToEnd(suite.bed, scene.signRun(images.stranger)));
      expect(signing.results).toMatchObject({ outcome: 'transient' });
      expect(await gap.refused()).toBeGreaterThan(0);
    } finally {
      await gap.close();
    }
  });
});
