// SPDX-License-Identifier: Apache-2.0
import { type Finding, severityRank, uniteFindings } from '../findings.ts';
import { oneLine } from '../foreign-text.ts';
import { type RuleOf, SEVERITIES } from '../policy-schema.ts';
import type { Problem } from '../verdict.ts';
import { ignoresAt } from './ignores.ts';
import type { RuleJudge } from './judgement.ts';
import { scanReports } from './scan-reports.ts';

type Answer = 'block' | 'warn' | 'pass';

/** Whether the scan reports that count hold a finding that the rule blocks. Without a report that counts the rule fails: no scan is not a clean scan. */
export const judgeVulnerabilities: RuleJudge<'vulnerabilities'> = (rule, input) => {
  const { reports, facts, problems, evidence } = scanReports(rule, input);
  if (reports.length === 0) {
    const noScan = problems.some(({ reason }) => reason.startsWith('no scan'));
    return { outcome: 'failed', summary: noScan ? 'no scan' : 'no scan report that counts', facts, problems, evidence };
  }
  const findings = uniteFindings(reports.flatMap(({ report }) => report.findings));
  const ignores = ignoresAt(rule.ignore, input.now);
  const judged = findings.filter((finding) => !ignores.covers(finding));
  const blocked = judged.filter((finding) => answer(rule, finding) === 'block');
  const unknown = judged.filter((finding) => answer(rule, finding) === 'warn');
  facts.push(counted(findings), ...ignores.facts());
  if (unknown.length > 0) facts.push(`${unknown.length} findings have no severity: ${unknown.slice(0, 20).map(named).join('; ')}`);
  const failed = blocked.length > 0 || problems.length > 0;
  return {
    outcome: failed ? 'failed' : 'passed',
    summary: summaryOf(findings.length, blocked.length, problems.length),
    facts,
    problems: [...problems, ...blocked.map(blockedProblem)],
    evidence,
  };
};

function answer(rule: RuleOf<'vulnerabilities'>, finding: Finding): Answer {
  if (finding.severity === 'unknown') return rule.unknownSeverity === 'ignore' ? 'pass' : rule.unknownSeverity;
  const rank = severityRank(finding.severity);
  const hit = rule.block.some(({ severity, fix }) => rank >= severityRank(severity) && (fix === 'any' || finding.fix === 'available'));
  return hit ? 'block' : 'pass';
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

function blockedProblem(finding: Finding): Problem {
  const versions = finding.fixedIn.slice(0, 5).map((version) => oneLine(version, 60));
  const state = {
    available: `fixed in ${versions.join(', ') || 'a later version'}`,
    none: 'not fixed yet',
    'wont-fix': 'will not be fixed',
    unknown: 'no fix known',
  };
  const ignore = 'add it to the ignore list of the rule with a reason and an end';
  const update = finding.fix === 'available' ? `update ${oneLine(finding.package, 100)} to ${versions[0] ?? 'a fixed version'}, or ` : '';
  return {
    object: named(finding),
    reason: `${finding.severity === 'unknown' ? 'no severity' : finding.severity}, ${state[finding.fix]}`,
    remedy: `${update}${ignore}`,
  };
}

function named(finding: Finding): string {
  return `${oneLine(finding.id, 100)} in ${oneLine(finding.package, 100)} ${oneLine(finding.version, 60)}`.trim();
}
