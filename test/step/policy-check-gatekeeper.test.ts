// SPDX-License-Identifier: Apache-2.0
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ONE_VIOLATION } from '../../lib/gatekeeper/test-evaluator.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { type Bench, openBench } from './bench.ts';
import { withGatekeeper } from './gatekeeper-provocations.ts';
import { runStep, type StepEnd } from './spawn-step.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const LENIENT = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata: { name: lenient }
rules: [{ id: scanned, type: vulnerabilities, level: warn, block: [{ severity: critical }] }, { id: clean, type: vulnerabilities, stages: [build], block: [{ severity: critical }] }]
`;

async function judged(
  body: string,
  params: Record<string, string> = {},
  files: Record<string, string> = {},
): Promise<{ end: StepEnd; verdict: Verdict; image: string }> {
  const image = await bench.pushImage('team/gatekeeper');
  const { trust } = bench.workspaces;
  const reports = await bench.folder('reports');
  await writeFile(join(reports, 'scan.json'), JSON.stringify({ SchemaVersion: 2, ArtifactName: image, Results: [] }));
  const given = await withGatekeeper(bench, body, { 'policy.yaml': LENIENT, ...files });
  const workspaces = { policy: given.workspaces?.['policy'] ?? '', trust, reports };
  const end = await runStep({
    task: 'policy-check',
    params: { image, 'trusted-root': 'trusted_root.json', 'scan-report': 'scan.json', ...given.params, ...params },
    workspaces,
    ...(given.env && { env: given.env }),
  });
  return { end, image, verdict: JSON.parse(await readFile(join(reports, 'verdict.json'), 'utf8').catch(() => '{}')) };
}

test('a violated Constraint denies, as a rule of the verdict', async () => {
  const { end, verdict, image } = await judged(ONE_VIOLATION);
  expect(end).toMatchObject({ code: 20, results: { verdict: 'failed', failed: 'Signed/all' } });
  expect(end.stderr).toContain('Signed/all: Pod default/image: not signed');
  expect(verdict.subject.reference).toBe(image);
  expect(verdict.rules.at(-1)).toMatchObject({
    id: 'Signed/all',
    type: 'gatekeeper',
    level: 'enforce',
    outcome: 'failed',
    summary: '1 violation in 1 of 1 object',
  });
});

test.each(['warn', 'dryrun'])('one of enforcementAction %s only warns', async (action) => {
  const { end } = await judged(ONE_VIOLATION.replaceAll("'deny'", `'${action}'`));
  expect(end).toMatchObject({ code: 0, results: { verdict: 'passed', warnings: 'Signed/all' } });
});

test('one that is met passes, reviewed with a Pod of the image', async () => {
  const { end, verdict, image } = await judged(`const pod = JSON.parse(asked.files.at(-1).text);
    return { objects: [], violations: [], constraints: [{ kind: 'Image', name: pod.spec.containers[0].image, actions: ['deny'] }] };`);
  expect(end).toMatchObject({ code: 0, results: { verdict: 'passed', failed: '' } });
  expect(verdict.rules.at(-1)).toMatchObject({ id: `Image/${image}`, outcome: 'passed' });
});

test('without a Constraint for this place nothing was judged, which is an error', async () => {
  const { end } = await judged(`return { objects: [], violations: [], constraints: [{ kind: 'Signed', name: 'all', actions: null }] };`);
  expect(end).toMatchObject({ code: 64, stderr: expect.stringContaining('no Constraint that is judged here') });
});

test('the verdict answers for external data, by digest and for other images too', async () => {
  const { end, verdict, image } = await judged(
    `if (asked.facts.length === 0) return { missing: [{ provider: 'any', keys: ['shop|' + IMAGE, 'not an image'] }] };
     return { objects: [], violations: [], constraints: asked.facts.map((fact) => ({ kind: 'Fact', name: JSON.stringify(fact.items), actions: ['deny'] })) };`.replace(
      'IMAGE',
      `JSON.parse(asked.files.at(-1).text).spec.containers[0].image`,
    ),
    { 'external-data': 'verifier' },
  );
  expect(end.code).toBe(0);
  const [known, unknown] = verdict.rules.filter(({ type }) => type === 'gatekeeper');
  expect(known?.id).toMatch(/^Fact\/\[\{"value":\{"verdict":"passed","image":"/);
  expect(known?.id).toContain(image);
  expect(unknown?.id).toContain('"error":"REFERENCE_INVALID');
});

test('every file of the policies counts for the digest of the policy', async () => {
  const digests = await Promise.all(
    ['a', 'b', 'a'].map(async (text) => (await judged(ONE_VIOLATION, {}, { 'gatekeeper/template.yaml': text })).end.results['policy-digest']),
  );
  expect(digests[0]).toMatch(/^sha256:/);
  expect(digests[0]).toBe(digests[2]);
  expect(digests[0]).not.toBe(digests[1]);
});
