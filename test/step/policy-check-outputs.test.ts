// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeLayout } from '../../lib/artifact/write-layout.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { parseManifest } from '../../lib/registry/oci.ts';
import { type Bench, imageParts, openBench } from './bench.ts';
import { runStep, type StepRun } from './spawn-step.ts';
import { logSize, piecesOf } from './standing.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const THREE_RULES = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata: { name: three }
signers: [{ name: release, key: { file: cosign.pub } }]
rules:
  - { id: signed, type: signature, signers: { any: [release] } }
  - { id: logged, type: log-entry, level: warn, signers: { any: [release] } }
  - { id: sbom, type: sbom, signers: { any: [release] } }
  - { id: later, type: sbom, stages: [deploy], minComponents: 2, signers: { any: [release] } }
`;

/** A run that reports and publishes a denial and succeeds, because nothing is signed here. */
function check(image: string, params: Record<string, string> = {}, reports = bench.workspaces.reports): StepRun {
  return {
    task: 'policy-check',
    params: { image, enforce: 'false', 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json', ...params },
    workspaces: { ...bench.workspaces, reports },
  };
}

test('the verdict is written in the forms that are asked for, and the results count', async () => {
  const image = await bench.pushImage('outputs/forms');
  const reports = await bench.folder('reports');
  await writeFile(join(bench.workspaces.policy, 'three.yaml'), THREE_RULES);
  const end = await runStep(check(image, { policy: 'three.yaml', formats: 'html,sarif, code-scanning,junit' }, reports));
  expect(end.code, end.stderr).toBe(0);
  expect((await readdir(reports)).sort()).toEqual(['code-scanning.sarif', 'verdict.html', 'verdict.junit.xml', 'verdict.sarif', 'vsa.json']);
  expect(await readFile(join(reports, 'verdict.html'), 'utf8')).toContain('<p class="verdict failed">FAILED</p>');
  expect(await readFile(join(reports, 'verdict.junit.xml'), 'utf8')).toContain('tests="4" failures="2" errors="0" skipped="2"');
  const sarif = JSON.parse(await readFile(join(reports, 'verdict.sarif'), 'utf8'));
  expect(sarif.runs[0].results.map(({ ruleId }: { ruleId: string }) => ruleId)).toContain('signed');
  expect(end.results).toMatchObject({
    outcome: 'denied',
    verdict: 'failed',
    failed: 'signed,sbom',
    warnings: 'logged',
    'rules-passed': '0',
    'rules-failed': '2',
    'rules-warned': '1',
  });
  expect(end.results['vsa']).toBe(`${image.split('@')[0]}@${end.results['vsa-digest']}`);
});

test('a form that is not there is a wrong input that names the others', async () => {
  const end = await runStep(check(await bench.pushImage('outputs/wrong'), { formats: 'json,pdf' }));
  expect(end.code).toBe(64);
  expect(end.stderr).toMatch(/formats/);
  expect(end.stderr).toMatch(/markdown/);
});

test('the summary of an index is about all that it holds, by one statement and one log entry, and is published once', async () => {
  const layout = composeLayout([imageParts('outputs/index'), imageParts('outputs/index', { os: 'linux', architecture: 'arm64' })]);
  const image = await bench.pushImage('outputs/index', layout);
  const before = await logSize(bench);
  const first = await runStep(check(image));
  expect(first.code, first.stderr).toBe(0);
  const { registry, repository } = parseDigestReference(image);
  const { bytes, descriptor } = await bench.client.manifest(parseDigestReference(image));
  const index = parseManifest(bytes, descriptor.mediaType);
  const children = index.kind === 'index' ? index.manifests.map(({ digest }) => `${registry}/${repository}@${digest}`) : [];
  expect(children).toHaveLength(2);
  for (const one of [image, ...children]) {
    const [vsa, ...more] = (await piecesOf(bench, one)).filter(({ predicateType }) => predicateType === PREDICATE_TYPE.vsa);
    expect(more).toEqual([]);
    expect(vsa?.verification.state).toBe('verified');
    expect(vsa?.statement?.subject.map(({ digest }) => `sha256:${digest['sha256']}`)).toEqual([image, ...children].map((name) => name.split('@')[1]));
    expect(vsa?.statement?.predicate).toMatchObject({ verificationResult: 'FAILED', slsaVersion: '1.2' });
  }
  expect(await logSize(bench)).toBe(before + 1);
  const second = await runStep(check(image));
  expect(second.results['vsa']).toBe(first.results['vsa']);
  expect(await logSize(bench)).toBe(before + 1);
});
