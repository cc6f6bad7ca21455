// SPDX-License-Identifier: Apache-2.0
import { type ResourceChange, resourceChanges } from '../../lib/argocd/resource-diff.ts';
import { refusedError } from '../../lib/errors/errors.ts';
import type { Effort } from './effort.ts';
import { willDo } from './later.ts';
import { revisionError } from './operation.ts';
import { trackedRevisions } from './situation.ts';

const MAX_LOGGED = 12;

/** What a sync would change, object by object, from Argo CD's own comparison; nothing is started. Throws denied REVISION_MISMATCH when that is with another revision than the expected one, refused ARGOCD_REFUSED where the comparison cannot be asked for. */
export async function previewChanges(effort: Effort): Promise<ResourceChange[]> {
  const tracked = trackedRevisions(effort.app);
  // Argo CD compares with what it tracks, so anything else would be shown as what it is not.
  if (!(await willDo(effort, tracked))) throw revisionError(effort.app, tracked, effort.goal);
  const managed = await effort.argo.managedResources();
  if (managed === undefined) {
    throw refusedError('ARGOCD_REFUSED', 'without an Argo CD API server there is nobody to compare the objects', {
      hint: 'give dry-run=true only with mode=api',
    });
  }
  const changes = resourceChanges(managed);
  for (const { resource, action, changes: paths, more } of changes.slice(0, MAX_LOGGED)) {
    effort.log.info(`would ${action} ${resource}${action === 'change' ? ` in ${paths.length + more} places` : ''}`);
  }
  if (changes.length > MAX_LOGGED) effort.log.info(`and ${changes.length - MAX_LOGGED} more objects`);
  return changes;
}

/** `1 create, 2 change, 0 prune`. */
export function countChanges(changes: readonly ResourceChange[]): string {
  const count = (action: ResourceChange['action']): number => changes.filter((change) => change.action === action).length;
  return `${count('create')} create, ${count('change')} change, ${count('prune')} prune`;
}
