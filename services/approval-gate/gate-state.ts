// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { ApprovalPolicy } from './api.ts';
import type { CustomRun, CustomRunStatus } from './custom-run.ts';
import type { GateRequest } from './gate-request.ts';

/** Key in `status.extraFields`; anything else at the top of the status would be pruned. */
export const STATE_KEY = 'approvalGate';

/**
 * What a gate keeps between two looks, all of it in `status.extraFields`: the request as it was at opening, which attempt this is, and for readers
 * what has been counted so far.
 */
const GateState = z.strictObject({
  attempt: z.int().min(1),
  policy: ApprovalPolicy,
  policySource: z.string(),
  requesters: z.array(z.string()),
  description: z.string(),
  subject: z.string(),
  timeoutMs: z.number().min(1).nullable(),
  retries: z.int().min(0),
  deadline: z.string().optional(),
  progress: z.array(z.strictObject({ rule: z.string(), approvals: z.int(), required: z.int() })),
  approvals: z.array(z.strictObject({ user: z.string(), at: z.string(), comment: z.string(), rules: z.array(z.string()), vote: z.string() })),
  rejection: z.strictObject({ user: z.string(), at: z.string(), comment: z.string(), rules: z.array(z.string()), vote: z.string() }).optional(),
  ignoredVotes: z.array(z.strictObject({ vote: z.string(), user: z.string(), why: z.string() })),
  ignoredEdits: z.array(z.string()),
});
export type GateState = z.infer<typeof GateState>;

/** The state of a gate that has just opened. */
export function newState(request: GateRequest): GateState {
  return { attempt: 1, ...request, progress: [], approvals: [], ignoredVotes: [], ignoredEdits: [] };
}

/** The state that the status of an open gate holds; undefined when there is none or somebody else has changed it to what we would not write. */
export function readState(status: CustomRunStatus | undefined): GateState | undefined {
  const parsed = GateState.safeParse(status?.extraFields?.[STATE_KEY]);
  return parsed.success ? parsed.data : undefined;
}

/** When the attempt ends, in ms since the epoch; infinity without a time-out. */
export function deadlineOf(run: CustomRun, { timeoutMs }: Pick<GateState, 'timeoutMs'>): number {
  const start = Date.parse(run.status?.startTime ?? '');
  return timeoutMs === null ? Number.POSITIVE_INFINITY : start + timeoutMs;
}
