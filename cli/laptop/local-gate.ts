// SPDX-License-Identifier: Apache-2.0
import { bugError, EXIT_CODE } from '../../lib/errors/errors.ts';
import { type ApprovalGate, type ApprovalVote, REQUESTER_ANNOTATION } from '../../services/approval-gate/api.ts';
import { CustomRun, succeededCondition, toTime } from '../../services/approval-gate/custom-run.ts';
import { decide } from '../../services/approval-gate/decide.ts';
import { readState } from '../../services/approval-gate/gate-state.ts';
import { RESULTS } from '../../services/approval-gate/gate-status.ts';
import type { CustomRunEnd, CustomRunInput, CustomTask } from '../runner/custom-task.ts';

/** What a person says to an open gate; `nobody` when there is nobody to ask any more. */
export type Answer = { decision: 'approve' | 'reject'; comment: string } | 'nobody';
/** Asks about a gate. Gives undefined when `signal` ended the question. */
export type AskPerson = (run: CustomRun, signal: AbortSignal) => Promise<Answer | undefined>;

export type LocalGateOptions = {
  /** Named ApprovalGates by pipeline task. */
  gates: ReadonlyMap<string, ApprovalGate>;
  /** Requester and voter in one. */
  login: string;
  /** Without it every gate is approved at once, and shown as `auto`. */
  ask: AskPerson | undefined;
};

/** What Tekton writes into spec.statusMessage (pkg/apis/pipeline/v1beta1/customrun_types.go). */
const CANCELLED = 'CustomRun cancelled as the PipelineRun it belongs to has been cancelled.';
const NOBODY = 'no vote: the terminal gives no more input';
const AUTO_COMMENT = 'approved automatically (--gate auto), nobody was asked';
/** Node's timers end at once when they are given more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A timer may come a moment before its time by the clock. */
const TIMER_SLACK_MS = 10;

/**
 * The ApprovalGate of a laptop run: the controller's own `decide` on a CustomRun that lives in memory, with votes of the person who runs the
 * Pipeline. An automatic approval says so in its message, in the results `approvers` and `comments`, and in `extraFields.answeredBy`.
 */
export function localGate(options: LocalGateOptions): CustomTask {
  return { results: RESULTS, run: (input) => runGate(input, options) };
}

async function runGate(input: CustomRunInput, options: LocalGateOptions): Promise<CustomRunEnd> {
  let run = toCustomRun(input, options.login);
  const gate = options.gates.get(input.pipelineTask);
  const votes: ApprovalVote[] = [];
  for (;;) {
    if (input.cancel.aborted) run = cancelled(run, CANCELLED);
    const decision = decide({ run, gate, votes, now: input.now().getTime() });
    if (decision.kind === 'ignore') return endOf(run, options);
    if (decision.kind === 'write') {
      run = { ...run, status: decision.status };
      input.onLine(messageOf(run, options));
      continue;
    }
    const answer = options.ask ? await answerInTime(run, decision.requeueAt, input, options.ask) : automatic(run, votes);
    if (answer === 'nobody') run = cancelled(run, NOBODY);
    else if (answer) votes.push(toVote(run, answer, votes.length + 1, input, options));
  }
}

function toCustomRun({ reference, customRun, pipelineRun, pipelineTask, ...input }: CustomRunInput, login: string): CustomRun {
  const { apiVersion, kind, name, spec } = reference;
  return CustomRun.parse({
    metadata: {
      ...customRun,
      creationTimestamp: toTime(input.now().getTime()),
      labels: { 'tekton.dev/pipelineRun': pipelineRun, 'tekton.dev/pipelineTask': pipelineTask },
      annotations: { [REQUESTER_ANNOTATION]: login },
    },
    spec: {
      ...(name === undefined ? { customSpec: { apiVersion, kind, spec } } : { customRef: { apiVersion, kind, name } }),
      params: [...input.params].map(([name, value]) => ({ name, value })),
      workspaces: [...input.workspaces.keys()].map((name) => ({ name })),
      retries: input.retries,
      ...(input.timeout !== undefined && { timeout: input.timeout }),
    },
  });
}

function cancelled(run: CustomRun, statusMessage: string): CustomRun {
  return { ...run, spec: { ...run.spec, status: 'RunCancelled', statusMessage } };
}

/** The policy was checked before the run: one approval of the login decides, so a second one would never end. */
function automatic({ metadata }: CustomRun, votes: readonly ApprovalVote[]): Answer {
  if (votes.length > 0) throw bugError('GATE_AUTO_UNCOUNTED', `the automatic approval of gate ${metadata.name} does not count`);
  return { decision: 'approve', comment: AUTO_COMMENT };
}

async function answerInTime(run: CustomRun, until: number | undefined, { cancel, now }: CustomRunInput, ask: AskPerson): Promise<Answer | undefined> {
  const clock = new AbortController();
  const left = until === undefined ? MAX_TIMER_MS : Math.min(Math.max(0, until - now().getTime()) + TIMER_SLACK_MS, MAX_TIMER_MS);
  const timer = setTimeout(() => clock.abort(), left);
  const signal = AbortSignal.any([cancel, clock.signal]);
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  signal.addEventListener('abort', () => resolve(undefined));
  try {
    // Another gate may have the terminal; this one ends in its time all the same.
    return await Promise.race([ask(run, signal), over]);
  } finally {
    clearTimeout(timer);
  }
}

function toVote(
  { metadata, status }: CustomRun,
  answer: Exclude<Answer, 'nobody'>,
  number: number,
  { now }: CustomRunInput,
  { login, ask }: LocalGateOptions,
): ApprovalVote {
  const { name, namespace, uid } = metadata;
  const vote = `${ask ? 'terminal' : 'auto'}-${number}`;
  return {
    metadata: { name: vote, namespace, uid: vote, creationTimestamp: toTime(now().getTime()) },
    spec: { gateRef: { customRun: name, uid, attempt: readState(status)?.attempt ?? 1 }, ...answer, user: login, groups: [] },
  };
}

function endOf(run: CustomRun, options: LocalGateOptions): CustomRunEnd {
  const { status, reason = '' } = succeededCondition(run) ?? {};
  const results = Object.fromEntries((run.status?.results ?? []).map(({ name, value }) => [name, value]));
  if (options.ask === undefined && results['approvers']) results['approvers'] = `${results['approvers']} (auto)`;
  const decision = results['decision'];
  const exitCode = decision === 'invalid' ? EXIT_CODE.input : decision === 'rejected' || decision === 'timed-out' ? EXIT_CODE.denied : undefined;
  const retries = run.status?.retriesStatus?.length ?? 0;
  return {
    state: status === 'True' ? 'Succeeded' : decision === 'cancelled' ? 'Cancelled' : 'Failed',
    reason,
    message: messageOf(run, options),
    results,
    extraFields: { ...run.status?.extraFields, answeredBy: options.ask ? 'person' : 'auto' },
    ...(retries > 0 && { retries }),
    ...(exitCode !== undefined && { exitCode }),
  };
}

function messageOf(run: CustomRun, { ask }: LocalGateOptions): string {
  const { status, message = '' } = succeededCondition(run) ?? {};
  return ask === undefined && status === 'True' ? `auto: ${message} without being asked (--gate auto)` : message;
}
