// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { digestHex } from '../reference/digest.ts';
import { parseReference, repositoryName } from '../reference/reference.ts';
import { oneLine } from './foreign-text.ts';
import { prose } from './markdown.ts';
import { ruleHelp } from './rule-help.ts';
import { type RuleState, ruleState, whyNotJudged } from './rule-state.ts';
import type { Problem, RuleResult, Verdict } from './verdict.ts';

/** Problems of the policy itself stand under this rule; no rule of a policy can have the name. */
const POLICY_RULE = 'policy.itself';
const LEVELS = { passed: 'none', failed: 'error', warned: 'warning' } as const satisfies Record<RuleState, string>;
const MAX_TEXT = 1000;

/**
 * `problems`: only what failed. GitHub's code scanning shows every result as an alert, one of kind `pass` as well.
 * `all`: passed rules as results of kind `pass`, and those of other stages as `notApplicable`.
 */
export type SarifContent = 'all' | 'problems';

/**
 * The verdict as SARIF 2.1.0 (OASIS, errata 01): each rule a reportingDescriptor with help, each problem a result about the artifact. The location is a path made of the artifact's
 * repository, without the digest, and the fingerprint leaves digests out too, so that a problem that stays over many builds stays one alert.
 */
export function verdictSarif(verdict: Verdict, version: string, content: SarifContent): string {
  const artifact = artifactUri(verdict);
  const seen = new Map<string, number>();
  const descriptors = descriptorsOf(verdict);
  const indexes = new Map(descriptors.map(({ id }, index) => [id, index]));
  const results = resultsOf(verdict, content).map(({ ruleId, kind, level, text, object }) => ({
    ruleId,
    ruleIndex: indexes.get(ruleId),
    kind,
    level,
    message: { text },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: artifact, index: 0 }, region: { startLine: 1, startColumn: 1, endLine: 1, endColumn: 1 } },
        logicalLocations: [{ fullyQualifiedName: object }],
      },
    ],
    partialFingerprints: { primaryLocationLineHash: fingerprint(artifact, ruleId, kind, object, seen) },
  }));
  const run = {
    tool: { driver: { name: 'policy-check', version, informationUri: 'https://github.com/tekton-supply-chain/tekton-supply-chain', rules: descriptors } },
    automationDetails: { id: `policy-check/${verdict.policy.name}/${verdict.stage}/` },
    invocations: [{ executionSuccessful: true, endTimeUtc: verdict.judgedAt }],
    artifacts: [{ location: { uri: artifact }, hashes: { 'sha-256': digestHex(verdict.subject.digest) }, description: { text: verdict.subject.reference } }],
    results,
    columnKind: 'utf16CodeUnits',
    properties: {
      outcome: verdict.outcome,
      subject: verdict.subject.reference,
      policyDigest: verdict.policy.digest,
      stage: verdict.stage,
      notes: verdict.notes,
    },
  };
  return `${JSON.stringify({ $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }, undefined, 2)}\n`;
}

/** `registry/repository` as a relative URI reference, in which a port needs an escape. */
function artifactUri({ subject }: Verdict): string {
  return repositoryName(parseReference(subject.reference)).split('/').map(encodeURIComponent).join('/');
}

function descriptorsOf(verdict: Verdict): { id: string }[] {
  const described = [...verdict.rules, ...verdict.notJudged].map(({ id, type, level }) => {
    const help = ruleHelp(type);
    return descriptor(
      id,
      `${id} (${type})`,
      help.asks,
      `${help.asks} Evidence: ${help.evidence} Remedy: ${help.remedy}`,
      level === 'enforce' ? 'error' : 'warning',
      type,
    );
  });
  if (verdict.problems.length === 0) return described;
  const asks = 'The policy enforces something at the stage that is judged.';
  return [...described, descriptor(POLICY_RULE, 'the policy itself', asks, `${asks} Remedy: give a rule the level enforce at this stage.`, 'error', 'policy')];
}

function descriptor(id: string, name: string, short: string, help: string, level: string, type: string): { id: string } & Record<string, unknown> {
  return {
    id,
    name,
    shortDescription: { text: `${name}: ${short}` },
    fullDescription: { text: short },
    help: { text: help, markdown: prose(help, MAX_TEXT) },
    defaultConfiguration: { level },
    properties: { tags: ['security', 'supply-chain', type], precision: 'very-high' },
  };
}

type Result = { ruleId: string; kind: 'fail' | 'pass' | 'notApplicable'; level: 'none' | 'error' | 'warning'; text: string; object: string };

function resultsOf(verdict: Verdict, content: SarifContent): Result[] {
  const subject = verdict.subject.reference;
  const failed = [
    ...verdict.problems.map((problem) => failure(POLICY_RULE, 'error', problem)),
    ...verdict.rules.flatMap((rule) => (rule.outcome === 'failed' ? failuresOf(rule, subject) : [])),
  ];
  if (content === 'problems') return failed;
  const passed = verdict.rules
    .filter(({ outcome }) => outcome === 'passed')
    .map((rule): Result => {
      const text = [rule.summary, ...rule.facts, ...rule.evidence.map((digest) => `evidence ${digest}`)].map((line) => oneLine(line, MAX_TEXT)).join('\n');
      return { ruleId: rule.id, kind: 'pass', level: 'none', text, object: subject };
    });
  const others = verdict.notJudged.map((rule): Result => {
    return { ruleId: rule.id, kind: 'notApplicable', level: 'none', text: `not judged: ${whyNotJudged(rule, verdict.stage)}`, object: subject };
  });
  return [...failed, ...passed, ...others];
}

/** A rule that failed without telling a problem is one all the same. */
function failuresOf(rule: RuleResult, subject: string): Result[] {
  const { problems } = rule;
  const level = LEVELS[ruleState(rule)];
  const all = problems.length > 0 ? problems : [{ object: subject, reason: rule.summary, remedy: ruleHelp(rule.type).remedy }];
  return all.map((problem) => failure(rule.id, level, problem));
}

function failure(ruleId: string, level: Result['level'], { object, reason, remedy }: Problem): Result {
  const [what, why, todo] = [object, reason, remedy].map((text) => oneLine(text, MAX_TEXT));
  return { ruleId, kind: 'fail', level, text: `${what}: ${why}\nTo do: ${todo}`, object: what ?? '' };
}

function fingerprint(artifact: string, ruleId: string, kind: string, object: string, seen: Map<string, number>): string {
  const key = JSON.stringify([artifact, ruleId, kind, object.replace(/sha256:[0-9a-f]{64}/g, 'sha256')]);
  const nth = (seen.get(key) ?? 0) + 1;
  seen.set(key, nth);
  return `${createHash('sha256').update(key).digest('hex')}:${nth}`;
}
