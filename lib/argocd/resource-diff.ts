// SPDX-License-Identifier: Apache-2.0
import { describeResource } from './application.ts';
import type { ManagedResource } from './argocd.ts';

export type Change = { path: string; from: string; to: string };
/** What a sync would do to one object. */
export type ResourceChange = { resource: string; action: 'create' | 'change' | 'prune'; changes: Change[]; more: number };

const MAX_CHANGES = 40;
const MAX_DEPTH = 32;
const MAX_VALUE = 120;

/** What a sync would change, object by object. Argo CD has taken out what it ignores and masked the values of Secrets; here every value of a Secret is left out besides. */
export function resourceChanges(resources: readonly ManagedResource[]): ResourceChange[] {
  return resources.flatMap((resource) => {
    const change = changeOf(resource);
    return change ? [change] : [];
  });
}

function changeOf(managed: ManagedResource): ResourceChange | undefined {
  const resource = describeResource(managed);
  if (managed.live === undefined) return managed.target === undefined ? undefined : { resource, action: 'create', changes: [], more: 0 };
  if (managed.target === undefined) return { resource, action: 'prune', changes: [], more: 0 };
  const found: Change[] = [];
  compare(managed.normalized ?? managed.live, managed.predicted ?? managed.target, '', 0, found);
  if (found.length === 0) return undefined;
  const isSecret = managed.kind === 'Secret' && managed.group === '';
  const changes = found.slice(0, MAX_CHANGES).map((change) => (isSecret ? { path: change.path, from: '***', to: '***' } : change));
  return { resource, action: 'change', changes, more: found.length - changes.length };
}

function compare(from: unknown, to: unknown, path: string, depth: number, found: Change[]): void {
  if (Object.is(from, to)) return;
  const both = typeof from === 'object' && from !== null && typeof to === 'object' && to !== null && Array.isArray(from) === Array.isArray(to);
  if (!both || depth >= MAX_DEPTH) {
    if (JSON.stringify(from) !== JSON.stringify(to)) found.push({ path: path || '.', from: show(from), to: show(to) });
    return;
  }
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  for (const key of keys) {
    const [a, b] = [(from as Record<string, unknown>)[key], (to as Record<string, unknown>)[key]];
    compare(a, b, Array.isArray(from) ? `${path}[${key}]` : `${path}.${key}`, depth + 1, found);
  }
}

function show(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE)}…`;
}
