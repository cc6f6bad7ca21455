// SPDX-License-Identifier: Apache-2.0
import { predicateTypeName } from '../intoto/predicate-type.ts';
import { code, prose, table } from './markdown.ts';
import { RULE_MARK, ruleState, whyNotJudged } from './rule-state.ts';
import type { JudgedEvidence, Problem, RuleResult, Verdict } from './verdict.ts';

/** GitHub takes 65,536 characters in a comment; the rest is left for a line of the caller's. */
const MAX_LENGTH = 60_000;
const MAX_RULES = 100;
const MAX_PROBLEMS = 15;
const MAX_FACTS = 8;
const MAX_EVIDENCE = 40;

/** The verdict as one page of GitHub-flavoured Markdown, fit for a comment on a pull request: bounded, and inert whatever the evidence holds. */
export function verdictMarkdown(verdict: Verdict): string {
  const failed = verdict.outcome === 'failed';
  const lines = [
    `## Verdict: ${failed ? 'FAILED' : 'PASSED'}`,
    '',
    `- Subject: ${code(verdict.subject.reference, 600)}`,
    `- Policy: ${code(verdict.policy.name)} ${code(verdict.policy.digest)}, stage ${verdict.stage}`,
    `- Judged: ${verdict.judgedAt}`,
    '',
    ...table(['', 'Rule', 'Type', 'Level', 'Result'], verdict.rules.slice(0, MAX_RULES).map(ruleRow)),
    ...more(verdict.rules.length - MAX_RULES, 'rules'),
    '',
    ...(verdict.problems.length > 0 ? ['### The policy', '', ...problemLines(verdict.problems), ''] : []),
    ...verdict.rules.slice(0, MAX_RULES).filter(isFailed).flatMap(failedSection),
    ...evidenceSection(verdict.evidence),
    ...passedSection(verdict.rules.filter((rule) => !isFailed(rule)).slice(0, MAX_RULES)),
    ...notesSection(verdict),
  ];
  return bounded(lines);
}

function isFailed(rule: RuleResult): boolean {
  return rule.outcome === 'failed';
}

function mark(rule: RuleResult): string {
  return RULE_MARK[ruleState(rule)];
}

function ruleRow(rule: RuleResult): string[] {
  return [mark(rule), code(rule.id), rule.type, rule.level, prose(rule.summary, 300)];
}

function failedSection(rule: RuleResult): string[] {
  return [`### ${mark(rule)} ${prose(rule.id)}`, '', ...problemLines(rule.problems), ...factLines(rule), ''];
}

function problemLines(problems: readonly Problem[]): string[] {
  const lines = problems
    .slice(0, MAX_PROBLEMS)
    .flatMap(({ object, reason, remedy }) => [`- ${code(object, 300)}: ${prose(reason, 600)}`, `  - to do: ${prose(remedy)}`]);
  return [...lines, ...more(problems.length - MAX_PROBLEMS, 'problems, listed in the JSON verdict')];
}

function factLines(rule: RuleResult): string[] {
  return [...rule.facts.slice(0, MAX_FACTS).map((fact) => `- ${prose(fact)}`), ...more(rule.facts.length - MAX_FACTS, 'facts, listed in the JSON verdict')];
}

function passedSection(rules: readonly RuleResult[]): string[] {
  const sections = rules.flatMap((rule) => (rule.facts.length > 0 ? [`**${prose(rule.id)}**`, '', ...factLines(rule), ''] : []));
  return sections.length > 0 ? ['### What the passed rules rest on', '', ...sections] : [];
}

function evidenceSection(evidence: readonly JudgedEvidence[]): string[] {
  const sorted = [...evidence].sort((a, b) => b.usedBy.length - a.usedBy.length);
  const rows = sorted
    .slice(0, MAX_EVIDENCE)
    .map((piece) => [
      code(piece.digest),
      prose(piece.predicateType === undefined ? piece.kind : `${piece.kind}: ${predicateTypeName(piece.predicateType)}`, 120),
      [piece.signers.map((name) => code(name)).join(', ') || '–', ...(piece.identities?.slice(0, 1) ?? []).map(({ subject }) => `(${code(subject)})`)].join(
        ' ',
      ),
      piece.log ? `${piece.log.index} of ${code(piece.log.log)}` : '–',
      piece.time ? `${prose(piece.time.at)} by ${code(piece.time.by)}` : '–',
      piece.state === 'rejected' || piece.reason !== undefined ? `${piece.state}: ${prose(piece.reason ?? '', 300)}` : piece.state,
      piece.usedBy.map((id) => code(id)).join(', ') || '–',
    ]);
  if (rows.length === 0) return ['### Evidence', '', 'There is none.', ''];
  return [
    '### Evidence',
    '',
    ...table(['Digest', 'What', 'Signed by', 'Log entry', 'Signed before', 'State', 'Counted for'], rows),
    ...more(evidence.length - MAX_EVIDENCE, 'pieces'),
    '',
  ];
}

function notesSection(verdict: Verdict): string[] {
  const notJudged = verdict.notJudged.slice(0, MAX_RULES).map((rule) => `- Not judged: ${code(rule.id)} (${rule.type}), ${whyNotJudged(rule, verdict.stage)}`);
  const lines = [...notJudged, ...verdict.notes.map((note) => `- ${prose(note)}`)];
  return lines.length > 0 ? ['### Notes', '', ...lines, ''] : [];
}

function more(count: number, what: string): string[] {
  return count > 0 ? ['', `and ${count} more ${what}`] : [];
}

/** Whole lines only, so that no cut opens a code span or a table cell. */
function bounded(lines: readonly string[]): string {
  let length = 0;
  const end = lines.findIndex((line) => {
    length += line.length + 1;
    return length > MAX_LENGTH;
  });
  if (end < 0) return `${lines.join('\n').trimEnd()}\n`;
  return `${lines.slice(0, end).join('\n').trimEnd()}\n\nThe page ends here because it is too long; the JSON verdict holds everything.\n`;
}
