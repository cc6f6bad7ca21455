// SPDX-License-Identifier: Apache-2.0
import { predicateTypeName } from '../intoto/predicate-type.ts';
import { oneLine } from './foreign-text.ts';
import { escapeHtml, htmlList, htmlPage, htmlTable } from './html.ts';
import { ruleHelp } from './rule-help.ts';
import { RULE_MARK, ruleState, whyNotJudged } from './rule-state.ts';
import type { JudgedEvidence, Problem, RuleResult, Verdict } from './verdict.ts';

const MAX_TEXT = 1000;

/** The verdict as one page without scripts that needs neither server nor network; whatever the evidence holds is text there, on one line and without control characters. */
export function verdictHtml(verdict: Verdict): string {
  const { subject, policy, outcome } = verdict;
  const notJudged = verdict.notJudged.map((rule) => `Not judged: ${rule.id} (${rule.type}), ${whyNotJudged(rule, verdict.stage)}.`);
  const body = `<h1>Verdict</h1>
<p><code>${text(subject.reference)}</code></p>
<p class="verdict ${outcome === 'passed' ? 'passed' : 'failed'}">${outcome === 'passed' ? 'PASSED' : 'FAILED'}</p>
${htmlTable(
  ['', ''],
  [
    ['policy', shown(policy.name)],
    ['digest of the policy', shown(policy.digest)],
    ['stage', shown(verdict.stage)],
    ['judged', shown(verdict.judgedAt)],
  ],
)}
${problems('The policy', verdict.problems)}<h2>Rules</h2>
${htmlTable(
  ['', 'rule', 'type', 'level', 'result'],
  verdict.rules.map((rule) => [RULE_MARK[ruleState(rule)], rule.id, rule.type, rule.level, rule.summary].map(shown)),
)}
${verdict.rules.map(ruleSection).join('\n')}
<h2>Evidence</h2>
${verdict.evidence.length === 0 ? '<p>There is none.</p>' : htmlTable(['digest', 'what', 'signed by', 'log entry', 'signed before', 'state', 'counted for'], verdict.evidence.map(evidenceRow))}
<h2>Notes</h2>
${htmlList([...notJudged, ...verdict.notes].map(shown)) || '<p>None.</p>'}`;
  return htmlPage({ title: `Verdict on ${shown(subject.reference)}`, body });
}

function ruleSection(rule: RuleResult): string {
  const state = ruleState(rule);
  const help = ruleHelp(rule.type);
  return `<details${state === 'passed' ? '' : ' open'}><summary><span class="state ${state}">${state}</span> <strong>${text(rule.id)}</strong>: ${text(rule.summary)}</summary>
<p>${text(help.asks)}</p>
${problems('Problems', rule.problems)}${part('What it rests on', rule.facts)}${part('Evidence that counted', rule.evidence)}<p>To meet it: ${text(help.remedy)}</p>
</details>`;
}

function problems(title: string, list: readonly Problem[]): string {
  if (list.length === 0) return '';
  return `<h3>${title}</h3>\n${htmlTable(
    ['object', 'what is wrong', 'what to do'],
    list.map(({ object, reason, remedy }) => [object, reason, remedy].map(shown)),
  )}\n`;
}

function part(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `<h3>${title}</h3>\n${htmlList(lines.map(shown))}\n`;
}

function evidenceRow(piece: JudgedEvidence): string[] {
  return [
    piece.digest,
    piece.predicateType === undefined ? piece.kind : `${piece.kind}: ${predicateTypeName(piece.predicateType)}`,
    [...piece.signers, ...(piece.identities ?? []).map(({ subject, issuer }) => `(${subject}, issuer ${issuer})`)].join(' ') || '–',
    piece.log ? `${piece.log.index} of ${piece.log.log}` : '–',
    piece.time ? `${piece.time.at} by ${piece.time.by}` : '–',
    piece.reason === undefined ? piece.state : `${piece.state}: ${piece.reason}`,
    piece.usedBy.join(', ') || '–',
  ].map(shown);
}

function shown(value: string): string {
  return oneLine(value, MAX_TEXT);
}

function text(value: string): string {
  return escapeHtml(shown(value));
}
