// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../../lib/log/log.ts';
import { formatDuration } from '../../lib/service/go-duration.ts';
import type { ApprovalRule } from '../../services/approval-gate/api.ts';
import { columns } from '../columns.ts';
import type { GateView } from './gate-view.ts';

/** A table of gates. Names and comments come from the cluster, so control characters in them are not handed to the terminal. */
export function gateTable(gates: readonly GateView[], now: number, allNamespaces: boolean): string {
  if (gates.length === 0) return 'no gate waits\n';
  const head = [...(allNamespaces ? ['NAMESPACE'] : []), 'GATE', 'PIPELINERUN', 'STATE', 'SINCE', 'LEFT', 'MESSAGE'];
  const rows = gates.map((gate) => [
    ...(allNamespaces ? [gate.namespace] : []),
    gate.name,
    gate.pipelineRun || '-',
    gate.state,
    ago(gate.since, now),
    gate.deadline ? formatDuration(Date.parse(gate.deadline) - now) : '-',
    gate.message,
  ]);
  return columns([head, ...rows]);
}

/** Everything about one gate that matters for a decision. */
export function gateText(gate: GateView, now: number): string {
  const { details } = gate;
  const facts = [
    ['gate', `${gate.namespace}/${gate.name}`],
    ['pipeline run', gate.pipelineRun],
    ['state', `${gate.state}: ${gate.message}`],
    ['subject', details?.subject],
    ['about', details?.description],
    ['policy', details?.policySource],
    ['', details?.policy.description],
    ['requester', details?.requesters.join(', ') + (details?.policy.excludeRequester ? ' (may not approve)' : '')],
    ['since', `${gate.since} (${ago(gate.since, now)})${details && details.attempt > 1 ? `, attempt ${details.attempt} of ${details.retries + 1}` : ''}`],
    ['until', gate.deadline && `${gate.deadline} (${formatDuration(Date.parse(gate.deadline) - now)} left)`],
    ['comment', details?.policy.commentRequired.length ? `required to ${details.policy.commentRequired.join(' and to ')}` : ''],
  ].filter((fact): fact is [string, string] => Boolean(fact[1]) && fact[1] !== 'undefined');
  const rules = details?.policy.rules.map((rule) => `  ${ruleText(rule, details.progress.find((one) => one.rule === rule.name)?.approvals ?? 0)}`) ?? [];
  const votes = [
    ...(details?.approvals ?? []).map(({ user, at, comment }) => `  ${at}  ${user} approves${comment ? `: ${comment}` : ''}`),
    ...(details?.rejection
      ? [`  ${details.rejection.at}  ${details.rejection.user} rejects${details.rejection.comment ? `: ${details.rejection.comment}` : ''}`]
      : []),
    ...(details?.ignoredVotes ?? []).map(({ user, why }) => `  not counted: ${user} (${why})`),
  ];
  const edits = (details?.ignoredEdits ?? []).map((edit) => `  ${edit}`);
  const part = (title: string, lines: readonly string[]): string[] => (lines.length > 0 ? [title, ...lines] : []);
  const lines = [
    ...facts.map(([name, value]) => `${name.padEnd(14)}${value}`),
    ...part('rules', rules),
    ...part('votes', votes),
    ...part('not followed', edits),
  ];
  return `${lines.map(oneLine).join('\n')}\n`;
}

function ruleText({ name, users, groups, count }: ApprovalRule, approvals: number): string {
  const who = [...users, ...groups.map((group) => `group ${group}`)].join(', ');
  return `${name} ${approvals}/${count}: ${who}`;
}

function ago(time: string, now: number): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? '-' : formatDuration(now - at);
}
