// SPDX-License-Identifier: Apache-2.0
import { deniedError, inputError, type StepError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { fetchKeyBy } from '../../lib/kms/key-reference.ts';
import { podKms } from '../../lib/kms/pod-kms.ts';
import { ruleCounts, ruleState } from '../../lib/policy/rule-state.ts';
import type { ScanFile } from '../../lib/policy/rules/judgement.ts';
import { failedRules, type Verdict } from '../../lib/policy/verdict.ts';
import { parseScanReport } from '../../lib/policy/vulnerability-report.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { workspaceFile } from '../../lib/step/house-files.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import { judgeArtifact } from '../../lib/verify/judge-artifact.ts';
import { loadPolicy, whyTrustedRoot } from '../../lib/verify/load-policy.ts';
import { digestWith, judgeByGatekeeper, readGatekeeper } from './gatekeeper.ts';
import { writeReports } from './reports.ts';
import type { spec } from './spec.ts';
import { openVerifier, publishVsa, vsaFor } from './summary.ts';

const MAX_SCAN_BYTES = 16 * 1024 * 1024;
const MAX_LISTED = 900;
const LOGGED = { passed: 'passed', failed: 'failed', warned: 'warning' } as const;

/** Judges the artifact, writes the verdict in all its forms, publishes the VSA when a key is bound, and answers denied when a rule of level enforce failed. */
export async function run(inputs: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const { params, workspaces } = inputs;
  const gatekeeper = await readGatekeeper(inputs);
  const loaded = await loadPolicy(workspaces.policy ?? '', params.policy, fetchKeyBy(podKms(deps, workspaces['signing-key'])));
  const policy = gatekeeper ? { ...loaded, digest: digestWith(gatekeeper, loaded.digest) } : loaded;
  const scan = await readScan(inputs);
  const trust = deps.trustedRoot === undefined ? undefined : parseTrustedRoot(deps.trustedRoot);
  const needed = trust ? undefined : whyTrustedRoot(policy, params.stage);
  if (needed !== undefined) throw inputError('TRUSTED_ROOT_MISSING', needed);
  // Opened before anything is asked, so that a wrong key is told as the wrong input that it is, and not after the verdict.
  const verifier = await openVerifier(inputs, deps, trust);
  const request = { registry: deps.registry, image: params.image, policy, trust, stage: params.stage, scan, now: deps.now() };
  const { verdict: native, evidence } = await judgeArtifact(request);
  const verdict = gatekeeper ? await judgeByGatekeeper(gatekeeper, inputs, request, native, deps) : native;
  const vsa = vsaFor(inputs, deps.version, verdict, evidence, verifier);
  await writeReports({ folder: workspaces.reports, formats: params.formats, version: deps.version }, verdict, vsa);
  const vsaDigest = verifier ? await publishVsa(inputs, deps, vsa, verifier) : '';
  report(verdict, deps);
  const denied = denial(verdict);
  const counts = ruleCounts(verdict);
  return {
    results: {
      subject: verdict.subject.reference,
      verdict: verdict.outcome,
      failed: listed(failedRules(verdict, 'enforce')),
      warnings: listed(failedRules(verdict, 'warn')),
      'rules-passed': String(counts.passed),
      'rules-failed': String(counts.failed),
      'rules-warned': String(counts.warned),
      'policy-digest': policy.digest,
      vsa: vsaDigest === '' ? '' : `${repositoryName(params.image)}@${vsaDigest}`,
      'vsa-digest': vsaDigest,
    },
    ...(denied && { denied }),
  };
}

async function readScan({ params, workspaces }: Inputs<typeof spec>): Promise<ScanFile | undefined> {
  const path = params['scan-report'];
  if (path === undefined) return undefined;
  const bytes = await readBounded(await workspaceFile(workspaces, 'reports', path, 'scan-report'), MAX_SCAN_BYTES, 'scan report');
  return { name: path, digest: sha256Digest(bytes), report: parseScanReport(bytes, `scan report ${path}`) };
}

function report(verdict: Verdict, deps: StepDeps): void {
  for (const rule of verdict.rules) deps.log.info(`${LOGGED[ruleState(rule)]} ${rule.id}: ${rule.summary}`);
  for (const note of verdict.notes) deps.log.info(`note: ${note}`);
}

function denial(verdict: Verdict): StepError | undefined {
  if (verdict.outcome === 'passed') return undefined;
  const problems = [
    ...verdict.problems,
    ...failedRules(verdict, 'enforce').flatMap((rule) => rule.problems.map((problem) => ({ ...problem, object: `${rule.id}: ${problem.object}` }))),
  ];
  const lines = problems.slice(0, 20).map(({ object, reason, remedy }) => `  - ${object}: ${reason}; ${remedy}`);
  if (problems.length > lines.length) lines.push(`  - and ${problems.length - lines.length} more, in the verdict`);
  return deniedError(
    'VERDICT_FAILED',
    `${verdict.subject.reference} does not meet policy ${verdict.policy.name} at stage ${verdict.stage}:\n${lines.join('\n')}`,
  );
}

/** Identifiers that fit into a result; rule identifiers are short, so only a policy with dozens of failing rules is cut, and says so. */
function listed(rules: readonly { id: string }[]): string {
  const text = rules.map(({ id }) => id).join(',');
  return text.length <= MAX_LISTED ? text : `${text.slice(0, text.lastIndexOf(',', MAX_LISTED))},…`;
}
