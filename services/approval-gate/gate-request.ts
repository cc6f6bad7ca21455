// SPDX-License-Identifier: Apache-2.0
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { parseGoDuration } from '../../lib/service/go-duration.ts';
import { API_VERSION, type ApprovalGate, ApprovalPolicy, GATE_KIND, LIMITS, REQUESTER_ANNOTATION, type Reason } from './api.ts';
import type { CustomRun } from './custom-run.ts';

/** All that a CustomRun asks of a gate. It is read once, when the gate opens; what is edited later is reported and not followed. */
export type GateRequest = {
  policy: ApprovalPolicy;
  /** Where the policy came from: `taskSpec`, or the ApprovalGate with uid and generation. */
  policySource: string;
  /** Users that count as the requester; exact user names of the API server. */
  requesters: string[];
  /** What is to be decided, in the words of the Pipeline. */
  description: string;
  /** The artifact that is to be decided on, as `repository@sha256:…`, or ''. */
  subject: string;
  /** Milliseconds for one attempt, or null for none of our own. */
  timeoutMs: number | null;
  retries: number;
};

export type Problem = { reason: Reason; message: string };

/** A gate shorter than this could not be told from its own start: times of the API server are whole seconds. */
const MIN_TIMEOUT_MS = 1000;
/** Each attempt stays in the status, which has to fit into one object. */
const MAX_RETRIES = 50;
const PARAMS = { requester: LIMITS.name, description: LIMITS.description, subject: 1024 } as const;
type ParamName = keyof typeof PARAMS;
/** The params that a gate takes, all optional. */
export const PARAM_NAMES: readonly string[] = Object.keys(PARAMS);

/**
 * Reads and checks reference, workspaces, params, timeout, retries and policy. `gate` is the object that `customRef` names, undefined when there is
 * none. Gives every problem, each with the field that it is about, so that one run shows all there is to mend.
 */
export function readRequest(run: CustomRun, gate: ApprovalGate | undefined): { request: GateRequest } | { problems: Problem[] } {
  const problems: Problem[] = [...referenceProblems(run), ...workspaceProblems(run)];
  const params = readParams(run, problems);
  const limits = readLimits(run, problems);
  const policy = problems.some(({ reason }) => reason === 'ReferenceInvalid') ? undefined : readPolicy(run, gate, problems);
  const annotated = run.metadata.annotations?.[REQUESTER_ANNOTATION] ?? '';
  const requesters = [...new Set([params.requester, annotated].filter((name) => name !== ''))];
  if (policy) problems.push(...reachProblems(policy, requesters));
  if (problems.length > 0 || !policy) return { problems };
  const policySource = run.spec.customRef && gate ? gateSource(gate) : 'taskSpec';
  return { request: { policy, policySource, requesters, description: params.description, subject: params.subject, ...limits } };
}

/** What is named as the source of a policy that stands in an object of its own. */
export function gateSource({ metadata }: ApprovalGate): string {
  return `${GATE_KIND}/${metadata.name} (uid ${metadata.uid}, generation ${metadata.generation})`;
}

function referenceProblems({ spec }: CustomRun): Problem[] {
  const { apiVersion, kind } = spec.customRef ?? spec.customSpec ?? {};
  const field = spec.customRef ? 'spec.customRef' : 'spec.customSpec';
  const message = (text: string): Problem[] => [{ reason: 'ReferenceInvalid', message: text }];
  if (apiVersion !== API_VERSION) return message(`${field}.apiVersion: ${apiVersion} is not served; use ${API_VERSION}`);
  if (kind !== GATE_KIND) return message(`${field}.kind: ${kind} is no custom task; use ${GATE_KIND}`);
  if (spec.customRef && !spec.customRef.name) return message(`spec.customRef.name: must name an ${GATE_KIND}`);
  if (spec.customRef?.['resolver'] !== undefined || spec.customRef?.['bundle'] !== undefined) {
    return message(`spec.customRef: an ${GATE_KIND} is read from the namespace of the run, not through a resolver or bundle`);
  }
  return [];
}

function workspaceProblems({ spec }: CustomRun): Problem[] {
  const names = (spec.workspaces ?? []).map(({ name }) => name);
  if (names.length === 0) return [];
  return [{ reason: 'CustomRunWorkspaceNotSupported', message: `spec.workspaces: a gate takes no workspaces, and ${names.join(', ')} is bound` }];
}

function readParams({ spec }: CustomRun, problems: Problem[]): Record<ParamName, string> {
  const values: Record<ParamName, string> = { requester: '', description: '', subject: '' };
  const seen = new Set<string>();
  const wrong = (text: string): void => void problems.push({ reason: 'ParamsInvalid', message: text });
  for (const { name, value } of spec.params ?? []) {
    if (!isParamName(name)) wrong(`param ${name}: unknown; known are ${Object.keys(PARAMS).join(', ')}`);
    else if (seen.has(name)) wrong(`param ${name}: given twice`);
    else if (typeof value !== 'string') wrong(`param ${name}: must be a string, not ${Array.isArray(value) ? 'an array' : 'an object'}`);
    else if (value.length > PARAMS[name]) wrong(`param ${name}: longer than ${PARAMS[name]} characters`);
    else values[name] = value;
    seen.add(name);
  }
  if (values.subject !== '' && !isDigestReference(values.subject)) wrong('param subject: must be an artifact by digest, repository[:tag]@sha256:…');
  return values;
}

function isParamName(name: string): name is ParamName {
  return Object.hasOwn(PARAMS, name);
}

function isDigestReference(text: string): boolean {
  try {
    parseDigestReference(text);
    return true;
  } catch {
    return false;
  }
}

function readLimits({ spec }: CustomRun, problems: Problem[]): { timeoutMs: number | null; retries: number } {
  const wrong = (text: string): void => void problems.push({ reason: 'TimeoutInvalid', message: text });
  const retries = spec.retries ?? 0;
  if (!Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) wrong(`spec.retries: ${retries} is not between 0 and ${MAX_RETRIES}`);
  // The Pipelines controller leaves the field out unless somebody asked for a time; its own time-out of the PipelineRun then cancels the gate.
  if (spec.timeout === undefined) return { timeoutMs: null, retries };
  const timeoutMs = parseGoDuration(spec.timeout);
  if (timeoutMs === 0) return { timeoutMs: null, retries };
  if (timeoutMs === undefined) wrong(`spec.timeout: "${spec.timeout.slice(0, 40)}" is no duration such as 72h or 90m`);
  else if (timeoutMs < MIN_TIMEOUT_MS) wrong(`spec.timeout: ${spec.timeout} is shorter than a second; 0 means no time-out`);
  return { timeoutMs: timeoutMs ?? null, retries };
}

function readPolicy({ metadata, spec }: CustomRun, gate: ApprovalGate | undefined, problems: Problem[]): ApprovalPolicy | undefined {
  if (spec.customRef && !gate) {
    problems.push({
      reason: 'GateNotFound',
      message: `spec.customRef.name: there is no ${GATE_KIND} ${spec.customRef.name} in namespace ${metadata.namespace}`,
    });
    return undefined;
  }
  const field = spec.customRef ? `${GATE_KIND} ${spec.customRef.name}: spec` : 'spec.customSpec.spec';
  const parsed = ApprovalPolicy.safeParse((spec.customRef ? gate?.spec : spec.customSpec?.spec) ?? {});
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues.slice(0, 10).map(({ path, message }) => `${[field, ...path].join('.')}: ${message}`);
  problems.push(...found.map((message): Problem => ({ reason: 'PolicyInvalid', message })));
  return undefined;
}

/** Rules that nobody could ever meet, as far as that can be known: how many people a group has is unknown. */
function reachProblems({ rules, excludeRequester }: ApprovalPolicy, requesters: readonly string[]): Problem[] {
  if (excludeRequester && requesters.length === 0) {
    const message = `policy excludes the requester, and neither param requester nor annotation ${REQUESTER_ANNOTATION} names one`;
    return [{ reason: 'RequesterUnknown', message }];
  }
  return rules.flatMap((rule): Problem[] => {
    if (rule.groups.length > 0) return [];
    const able = new Set(rule.users.filter((user) => !excludeRequester || !requesters.includes(user)));
    if (able.size >= rule.count) return [];
    const left = excludeRequester && able.size < new Set(rule.users).size ? ' without the requester' : '';
    return [{ reason: 'PolicyInvalid', message: `rule ${rule.name}: asks for ${rule.count} approvals and can get ${able.size}${left}` }];
  });
}
