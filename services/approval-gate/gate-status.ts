// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../../lib/log/log.ts';
import { formatDuration } from '../../lib/service/go-duration.ts';
import type { Reason } from './api.ts';
import { type Condition, type CustomRun, type CustomRunStatus, succeededCondition, toTime } from './custom-run.ts';
import { deadlineOf, type GateState, STATE_KEY } from './gate-state.ts';
import type { Tally } from './tally.ts';

/** How a gate ended; result `decision`. */
export type Outcome = 'approved' | 'rejected' | 'cancelled' | 'timed-out' | 'invalid';

/** Names of the results, there in every end state, so that a later task never meets a missing one. Values may be ''. */
export const RESULTS = ['decision', 'approvers', 'rejected-by', 'comments', 'requester', 'subject', 'decided-at'] as const;

const MAX_RESULT_BYTES = 1000;
const MAX_MESSAGE = 1024;
const MAX_IGNORED = 20;

export type Ending = { outcome: Outcome; reason: Reason; message: string; at: string };

/** The status of an open gate, at opening, after votes and in the next attempt. */
export function openStatus(
  run: CustomRun,
  state: GateState,
  tally: Tally | undefined,
  options: { reason: Reason; startTime: string; now: number },
): CustomRunStatus {
  const counted = withTally(state, tally);
  return {
    ...keptFields(run),
    conditions: [condition(run, 'Unknown', options.reason, waitingMessage(counted), options.now)],
    startTime: options.startTime,
    extraFields: { [STATE_KEY]: withDeadline(counted, options.startTime) },
    ...(run.status?.retriesStatus && { retriesStatus: run.status.retriesStatus }),
  };
}

/** The final status. `state` is undefined when the gate never opened. */
export function closedStatus(run: CustomRun, state: GateState | undefined, tally: Tally | undefined, ending: Ending, now: number): CustomRunStatus {
  const counted = state && withTally(state, tally);
  return {
    ...keptFields(run),
    conditions: [condition(run, ending.outcome === 'approved' ? 'True' : 'False', ending.reason, ending.message, now)],
    startTime: run.status?.startTime ?? toTime(now),
    completionTime: toTime(now),
    results: resultsOf(counted, ending),
    ...(counted ? { extraFields: { [STATE_KEY]: counted } } : run.status?.extraFields && { extraFields: run.status.extraFields }),
    ...(run.status?.retriesStatus && { retriesStatus: run.status.retriesStatus }),
  };
}

/** An attempt that timed out as it is kept in `retriesStatus` (TEP-0121): without its own history, and without the policy, which all attempts share. */
export function archivedStatus(closed: CustomRunStatus, state: GateState): CustomRunStatus {
  const { retriesStatus: _history, ...attempt } = closed;
  const { attempt: number, progress, approvals, ignoredVotes } = state;
  return { ...attempt, extraFields: { [STATE_KEY]: { attempt: number, progress, approvals, ignoredVotes } } };
}

/** The state with what the tally found. */
export function withTally(state: GateState, tally: Tally | undefined): GateState {
  const { rejection: _before, ...rest } = state;
  const progress = tally?.progress ?? state.policy.rules.map(({ name, count }) => ({ rule: name, approvals: 0, required: count }));
  return {
    ...rest,
    progress,
    approvals: tally?.approvals ?? [],
    ...(tally?.rejection && { rejection: tally.rejection }),
    ignoredVotes: tally?.ignored.slice(0, MAX_IGNORED) ?? [],
  };
}

function withDeadline(state: GateState, startTime: string): GateState {
  const { deadline: _before, ...rest } = state;
  return state.timeoutMs === null ? rest : { ...rest, deadline: toTime(Date.parse(startTime) + state.timeoutMs) };
}

function keptFields({ metadata, status }: CustomRun): CustomRunStatus {
  return { observedGeneration: metadata.generation, ...(status?.annotations && { annotations: status.annotations }) };
}

/** The one condition. Its time of transition moves with its status alone (Kubernetes API conventions). */
function condition(run: CustomRun, status: Condition['status'], reason: Reason, message: string, now: number): Condition {
  const before = succeededCondition(run);
  const kept = before?.status === status ? before.lastTransitionTime : undefined;
  return { type: 'Succeeded', status, reason, message: clip(oneLine(message), MAX_MESSAGE), lastTransitionTime: kept ?? toTime(now) };
}

function waitingMessage({ progress, attempt, retries }: GateState): string {
  const open = progress.map(({ rule, approvals, required }) => `${rule} ${approvals}/${required}`).join(', ');
  return `waiting for approval: ${open}${attempt > 1 ? ` (attempt ${attempt} of ${retries + 1})` : ''}`;
}

/** What the condition says of an end that votes or the clock brought. */
export function endingMessage(run: CustomRun, state: GateState, tally: Tally, outcome: 'approved' | 'rejected' | 'timed-out'): string {
  if (outcome === 'approved') return `approved by ${tally.approvals.map(({ user }) => user).join(', ')}`;
  if (outcome === 'rejected') return `rejected by ${tally.rejection?.user}${tally.rejection?.comment ? `: ${tally.rejection.comment}` : ''}`;
  const open = tally.progress
    .filter(({ approvals, required }) => approvals < required)
    .map(({ rule, approvals, required }) => `${rule} ${approvals}/${required}`);
  const attempts = state.attempt > 1 ? ` in attempt ${state.attempt}` : '';
  const waited = formatDuration(deadlineOf(run, state) - Date.parse(run.status?.startTime ?? ''));
  return `nobody decided within ${waited}${attempts}: ${open.join(', ')}`;
}

function resultsOf(state: GateState | undefined, { outcome, at }: Ending): { name: string; value: string }[] {
  const spoken = [...(state?.approvals ?? []), ...(state?.rejection ? [state.rejection] : [])].filter(({ comment }) => comment !== '');
  const values: Record<(typeof RESULTS)[number], string> = {
    decision: outcome,
    approvers: (state?.approvals ?? []).map(({ user }) => user).join(', '),
    'rejected-by': state?.rejection?.user ?? '',
    comments: spoken.map(({ user, comment }) => `${user}: ${comment}`).join('\n'),
    requester: state?.requesters.join(', ') ?? '',
    subject: state?.subject ?? '',
    'decided-at': at,
  };
  return RESULTS.map((name) => ({ name, value: resultText(values[name]) }));
}

/** Tekton hands a result that reads as a JSON array of strings on as an array; what people typed must stay the one string it is. */
function resultText(text: string): string {
  return clip(text.trimStart().startsWith('[') ? `"${text}` : text, MAX_RESULT_BYTES);
}

/** At most `max` bytes of UTF-8, cut between characters. */
function clip(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  const cut = bytes
    .subarray(0, max - 3)
    .toString('utf8')
    .replace(/\ufffd+$/, '');
  return `${cut}…`;
}
