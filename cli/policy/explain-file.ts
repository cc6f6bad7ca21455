// SPDX-License-Identifier: Apache-2.0
import { readBounded } from '../../lib/files/bounded-read.ts';
import { type ExplainedResult, type ExplainedRule, explainPolicy, explainVerdict } from '../../lib/policy/explain.ts';
import { parsePolicy } from '../../lib/policy/policy.ts';
import { parseVerdict, type VerdictFile } from '../../lib/policy/verdict-file.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const WIDTH = 12;

export type Explained = { kind: 'policy'; name: string; rules: ExplainedRule[] } | { kind: 'verdict'; verdict: VerdictFile; rules: ExplainedResult[] };

/** A policy file or a verdict.json in plain words, told apart by what is in it. Throws what reading either throws, and input RULE_UNKNOWN. */
export async function explainFile(path: string, rule: string | undefined): Promise<Explained> {
  const bytes = await readBounded(path, MAX_BYTES, 'file');
  // Only verdicts are JSON objects of that kind; a policy in JSON says Policy.
  if (/^\s*\{/.test(bytes.toString('utf8', 0, 100)) && /"kind"\s*:\s*"Verdict"/.test(bytes.toString('utf8', 0, 4000))) {
    const verdict = parseVerdict(bytes, path);
    return { kind: 'verdict', verdict, rules: explainVerdict(verdict, rule) };
  }
  const policy = parsePolicy(bytes, path);
  return { kind: 'policy', name: policy.metadata.name, rules: explainPolicy(policy, rule) };
}

export function explainText(explained: Explained): string {
  const lines = explained.kind === 'policy' ? [`policy ${explained.name}`, ...explained.rules.flatMap(ruleLines)] : verdictLines(explained);
  return `${lines.map((line) => line.replaceAll(/[\p{C}]/gu, ' ')).join('\n')}\n`;
}

function ruleLines({ id, type, description, asks, settings, evidence, remedy }: ExplainedRule): string[] {
  return [
    '',
    `${id} (${type})`,
    ...(description === undefined ? [] : field('for', description)),
    ...field('asks', asks),
    ...settings.flatMap((text) => field('', text)),
    ...field('evidence', evidence),
    ...field('if it fails', remedy),
  ];
}

function verdictLines({ verdict, rules }: Extract<Explained, { kind: 'verdict' }>): string[] {
  const { subject, policy, stage, judgedAt, outcome, problems, notes } = verdict;
  return [
    `${subject.reference}`,
    `${outcome} policy ${policy.name} at stage ${stage}, judged ${judgedAt}`,
    ...problems.flatMap((problem) => ['', ...problemLines(problem)]),
    ...rules.flatMap(resultLines),
    ...(notes.length > 0 ? ['', ...notes.flatMap((note) => field('note', note))] : []),
  ];
}

function resultLines({ id, type, state, summary, asks, remedy, problems, facts }: ExplainedResult): string[] {
  const failed = state === 'failed' || state === 'warned';
  return [
    '',
    `${id} (${type}): ${state}, ${summary}`,
    ...field('asks', asks),
    ...problems.flatMap(problemLines),
    ...facts.flatMap((fact) => field('fact', fact)),
    ...(failed ? field('in general', remedy) : []),
  ];
}

function problemLines({ object, reason, remedy }: { object: string; reason: string; remedy: string }): string[] {
  return [...field('wrong', `${object}: ${reason}`), ...field('to do', remedy)];
}

function field(name: string, text: string): string[] {
  return [`  ${name.padEnd(WIDTH)}${text}`];
}
