// SPDX-License-Identifier: Apache-2.0
import { type Finding, SEVERITIES, uniteFindings } from '../findings.ts';
import { oneLine } from '../foreign-text.ts';
import type { RuleOf } from '../policy-schema.ts';
import type { Problem } from '../verdict.ts';
import { type Answer, answerTo } from './blocking.ts';
import { type Judgement, type RuleJudge, repositoryOf } from './judgement.ts';
import { scanReports } from './scan-reports.ts';
import { type Vex, vexOf } from './vex.ts';
import { type Waivers, waiversAt } from './waivers.ts';

const SHOWN = 20;

/**
 * Whether the scan reports that count hold a finding that the rule blocks. Without a report that counts the rule fails: no scan is not a clean scan. Findings are united by alias, then VEX of
 * trusted signers suppresses, then waivers cover, then the entries under `block` decide; nothing is dropped without a fact.
 */
export const judgeVulnerabilities: RuleJudge<'vulnerabilities'> = (rule, input) => {
  const { reports, facts, problems, evidence } = scanReports(rule, input);
  if (reports.length === 0) {
    const noScan = problems.some(({ reason }) => reason.startsWith('no scan'));
    return { outcome: 'failed', summary: noScan ? 'no scan' : 'no scan report that counts', facts, problems, evidence };
  }
  const findings = uniteFindings(reports.flatMap(({ report }) => report.findings));
  const vex = vexOf(rule, input);
  const waivers = waiversAt(rule.waivers, input.now, repositoryOf(input.evidence), rule.waiverWarningDays);
  const sorted = sort(findings, rule, input.now, vex, waivers);
  const wrong = [...problems, ...vex.problems];
  return {
    outcome: sorted.blocked.length > 0 || wrong.length > 0 ? 'failed' : 'passed',
    summary: summaryOf(findings.length, sorted.blocked.length, wrong.length),
    facts: [...facts, counted(findings), ...vex.facts, ...sorted.facts, ...waivers.facts()],
    problems: [...wrong, ...sorted.blocked],
    evidence: [...evidence, ...vex.evidence],
    notes: waivers.notes(),
  };
};

/** Findings that block, as problems, and facts about those that do not although they would. */
function sort(
  findings: readonly Finding[],
  rule: RuleOf<'vulnerabilities'>,
  now: Date,
  vex: Vex,
  waivers: Waivers,
): Pick<Judgement, 'facts'> & { blocked: Problem[] } {
  const blocked: Problem[] = [];
  const suppressed: string[] = [];
  const unknown: string[] = [];
  for (const finding of findings) {
    const answer = answerTo(rule, finding, now);
    const reason = vex.suppresses(finding);
    if (reason !== undefined) suppressed.push(`${named(finding)} (${finding.severity}) is suppressed by VEX: ${reason}`);
    else if (waivers.cover(finding)) continue;
    else if (answer.kind === 'block') blocked.push(blockedProblem(finding, answer, waivers));
    else if (answer.kind === 'warn') unknown.push(named(finding));
  }
  const facts = suppressed.slice(0, SHOWN);
  if (suppressed.length > SHOWN) facts.push(`and ${suppressed.length - SHOWN} more findings are suppressed by VEX`);
  if (unknown.length > 0) facts.push(`${unknown.length} findings have no severity: ${unknown.slice(0, SHOWN).join('; ')}`);
  return { blocked, facts };
}

function summaryOf(all: number, blocked: number, problems: number): string {
  const found = blocked > 0 ? `${blocked} of ${all} findings are blocked` : `${all} findings, none blocked`;
  return problems > 0 ? `${found}; a report does not count` : found;
}

function counted(findings: readonly Finding[]): string {
  const counts = Map.groupBy(findings, ({ severity }) => severity);
  const words = [...SEVERITIES].reverse().map((severity) => `${severity} ${counts.get(severity)?.length ?? 0}`);
  return `findings by severity: ${words.join(', ')}, unknown ${counts.get('unknown')?.length ?? 0}`;
}

function blockedProblem(finding: Finding, { why }: Answer, waivers: Waivers): Problem {
  const versions = finding.fixedIn.slice(0, 5).map((version) => oneLine(version, 60));
  const state = {
    available: `fixed in ${versions.join(', ') || 'a later version'}`,
    none: 'not fixed yet',
    'wont-fix': 'will not be fixed',
    unknown: 'no fix known',
  };
  const update = finding.fix === 'available' ? `update ${oneLine(finding.package, 100)} to ${versions[0] ?? 'a fixed version'}, or ` : '';
  const parts = [finding.severity === 'unknown' ? 'no severity' : finding.severity, state[finding.fix], ...why, waivers.expiredFor(finding)];
  return {
    object: named(finding),
    reason: parts.filter((part) => part !== undefined).join(', '),
    remedy: `${update}give the rule a waiver with reason, approver and end`,
  };
}

function named(finding: Finding): string {
  return `${oneLine(finding.id, 100)} in ${oneLine(finding.package, 100)} ${oneLine(finding.version, 60)}`.trim();
}
