// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** The API group of the gate, its version, kinds and plurals; the CRDs in manifests/ say the same to the API server. */
export const GROUP = 'approvals.supply-chain.tekton.dev';
export const API_VERSION = `${GROUP}/v1alpha1`;
export const GATE_KIND = 'ApprovalGate';
export const VOTE_KIND = 'ApprovalVote';
export const GATES = 'approvalgates';
export const VOTES = 'approvalvotes';

/** Name of the ValidatingAdmissionPolicy, and of its binding, that ties a vote to the user who sends it. */
export const VOTE_POLICY = 'approval-gate-votes';

/** Annotation of a PipelineRun (Tekton copies it to the CustomRun) that names who asked for the run. */
export const REQUESTER_ANNOTATION = `${GROUP}/requester`;

/** Limits that the CRDs share with `taskSpec`, which no API server checks. */
export const LIMITS = { name: 256, users: 50, groups: 50, voteGroups: 64, rules: 10, count: 50, comment: 1024, description: 2048 } as const;

const Person = z.string().min(1).max(LIMITS.name);

const ApprovalRule = z
  .strictObject({
    name: z
      .string()
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-"'),
    users: z.array(Person).max(LIMITS.users).default([]),
    groups: z.array(Person).max(LIMITS.groups).default([]),
    count: z.int().min(1).max(LIMITS.count).default(1),
  })
  .refine(({ users, groups }) => users.length + groups.length > 0, 'names neither users nor groups, so that nobody could approve');

/**
 * Who has to approve: the spec of an `ApprovalGate` object, and what a Pipeline writes in `taskSpec.spec`. Every rule has to be met; a person who
 * falls under several rules counts once in each of them. One rejection by anybody who is named in a rule closes the gate.
 */
export const ApprovalPolicy = z.strictObject({
  description: z.string().max(LIMITS.description).default(''),
  rules: z
    .array(ApprovalRule)
    .min(1)
    .max(LIMITS.rules)
    .refine((rules) => new Set(rules.map(({ name }) => name)).size === rules.length, 'two rules have the same name'),
  excludeRequester: z.boolean().default(false),
  commentRequired: z
    .array(z.enum(['approve', 'reject']))
    .max(2)
    .default([]),
});

/** The named policy object; only what the controller reads of it. */
export const ApprovalGate = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string(), uid: z.string(), generation: z.int() }),
  spec: z.unknown().optional(),
});

/** One person's word on one attempt of one CustomRun. The API server has checked `user` and `groups` against the credentials it came with. */
export const ApprovalVote = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string(), uid: z.string(), creationTimestamp: z.string() }),
  spec: z.looseObject({
    gateRef: z.looseObject({ customRun: z.string(), uid: z.string(), attempt: z.int().min(1).default(1) }),
    decision: z.enum(['approve', 'reject']),
    comment: z.string().default(''),
    user: z.string(),
    groups: z.array(z.string()).default([]),
  }),
});

export type ApprovalRule = z.infer<typeof ApprovalRule>;
export type ApprovalPolicy = z.infer<typeof ApprovalPolicy>;
export type ApprovalGate = z.infer<typeof ApprovalGate>;
export type ApprovalVote = z.infer<typeof ApprovalVote>;

/** Reasons of the condition `Succeeded`. The three that start with CustomRun are words that Tekton's PipelineRun controller looks for. */
export const REASONS = {
  Started: 'the gate is open and waits for votes',
  Running: 'the gate is open and has counted at least one vote',
  Retrying: 'an attempt timed out and the gate is open again with a clean sheet',
  Approved: 'every rule is met',
  Rejected: 'somebody who is named in a rule rejected; final, whatever `retries` says',
  CustomRunCancelled: 'the CustomRun was cancelled, by hand or with its PipelineRun',
  CustomRunTimedOut: 'nobody decided in time and no retry is left',
  CustomRunWorkspaceNotSupported: 'the task binds workspaces, and a gate takes none',
  ReferenceInvalid: 'kind, version or reference is none that this controller knows',
  GateNotFound: 'there is no ApprovalGate of that name in the namespace',
  PolicyInvalid: 'the policy cannot be read or can never be met',
  ParamsInvalid: 'a param is unknown, repeated or malformed',
  TimeoutInvalid: 'timeout or retries are outside of what a gate takes',
  RequesterUnknown: 'the policy excludes the requester, and nothing says who that is',
  StateInvalid: 'status.extraFields of an open gate was changed by somebody else',
} as const;
export type Reason = keyof typeof REASONS;
