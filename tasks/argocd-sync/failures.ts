// SPDX-License-Identifier: Apache-2.0
import { parseDenials } from '../../lib/argocd/admission-denial.ts';
import { type Application, describeResource, type OperationState, type ResourceResult, revisionList } from '../../lib/argocd/application.ts';
import { deniedError, refusedError, type StepError } from '../../lib/errors/errors.ts';
import { oneLine } from '../../lib/log/log.ts';
import { describeRevisions } from './goal.ts';

/** One line of the table: which object failed, by whom it was refused where admission did, and why. */
export type Failure = { resource: string; by: string; constraint: string; message: string };

const MAX_LISTED = 20;
const MAX_MESSAGE = 400;

/** The objects and hooks that an operation could not apply so far, a line for each reason. */
export function failuresOf(state: OperationState): Failure[] {
  return (state.syncResult?.resources ?? []).filter(hasFailed).flatMap(failuresOfResource);
}

/**
 * The error for an operation with failed objects, or that failed as a whole: denied POLICY_DENIED when admission refused one of them, refused
 * APP_INVALID when it could not be rendered, else refused SYNC_FAILED.
 */
export function syncError(app: Application, state: OperationState): StepError {
  const failures = failuresOf(state);
  const fromMessage = failures.length > 0 ? [] : parseDenials(state.message);
  const revision = describeRevisions(revisionList(state.syncResult));
  const what = `application ${app.metadata.name} at revision ${revision}`;
  if (fromMessage.length > 0)
    return deniedError(
      'POLICY_DENIED',
      listed(
        `admission refused ${what}`,
        fromMessage.map((denial) => ({ ...denial, resource: what })),
      ),
    );
  if (failures.some(({ by }) => by !== '')) return deniedError('POLICY_DENIED', listed(`admission refused objects of ${what}`, failures));
  if (failures.length > 0) return refusedError('SYNC_FAILED', listed(`the sync of ${what} failed`, failures));
  return refusedError('SYNC_FAILED', `the sync of ${what} ended with ${state.phase}: ${shorten(state.message) || 'no reason given'}`);
}

/** Whether admission refused one of the objects. */
export function isDenied(failures: readonly Failure[]): boolean {
  return failures.some(({ by }) => by !== '');
}

/** The error for conditions that keep an application from being compared, undefined when there are none. */
export function invalidError({ metadata, status }: Application): StepError | undefined {
  const bad = (status?.conditions ?? []).filter(({ type }) => type === 'ComparisonError' || type === 'InvalidSpecError');
  const [first] = bad;
  if (!first) return undefined;
  // With a server-side diff admission is asked when comparing already.
  const denials = bad.flatMap(({ message }) => parseDenials(message));
  if (denials.length > 0) {
    const what = `application ${metadata.name}`;
    return deniedError(
      'POLICY_DENIED',
      listed(
        `admission refuses objects of ${what}`,
        denials.map((denial) => ({ ...denial, resource: what })),
      ),
    );
  }
  return refusedError('APP_INVALID', `Argo CD cannot compare application ${metadata.name}: ${first.type}: ${shorten(first.message)}`);
}

/** Objects whose health is this, with their message. */
export function unhealthyObjects({ status }: Application, health: string): Failure[] {
  return (status?.resources ?? [])
    .filter((resource) => resource.health?.status === health)
    .map((resource) => ({ resource: describeResource(resource), by: '', constraint: '', message: shorten(resource.health?.message ?? '') || health }));
}

/** A heading and at most 20 lines below it. */
export function listed(heading: string, failures: readonly Failure[]): string {
  const lines = failures.slice(0, MAX_LISTED).map(({ resource, by, constraint, message }) => {
    const who = by === '' ? '' : constraint === '' ? ` by ${by}` : ` by ${constraint} (${by})`;
    return `  - ${resource}:${who === '' ? '' : ` refused${who}:`} ${message}`;
  });
  if (failures.length > lines.length) lines.push(`  - and ${failures.length - lines.length} more`);
  return `${heading}:\n${lines.join('\n')}`;
}

function hasFailed({ status, hookPhase }: ResourceResult): boolean {
  return status === 'SyncFailed' || hookPhase === 'Failed' || hookPhase === 'Error';
}

function failuresOfResource(result: ResourceResult): Failure[] {
  const resource = `${describeResource(result)}${result.hookType === '' ? '' : ` (${result.hookType} hook)`}`;
  const denials = parseDenials(result.message);
  if (denials.length > 0) return denials.map((denial) => ({ ...denial, resource }));
  return [{ resource, by: '', constraint: '', message: shorten(result.message) || 'no reason given' }];
}

function shorten(text: string): string {
  const line = oneLine(text.trim());
  return line.length <= MAX_MESSAGE ? line : `${line.slice(0, MAX_MESSAGE)}…`;
}
