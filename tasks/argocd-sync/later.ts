// SPDX-License-Identifier: Apache-2.0
import type { Effort } from './effort.ts';
import { describeRevisions, matchesRevisions } from './goal.ts';

/**
 * Whether these revisions are the expected ones, or will do as later ones, which is then kept in the goal. Argo CD cannot be asked whether one commit contains
 * another; later is what was authored later, and the digest that runs says the rest. Not for applications of several sources.
 */
export async function willDo({ argo, goal, log }: Pick<Effort, 'argo' | 'goal' | 'log'>, actual: readonly string[]): Promise<boolean> {
  if (matchesRevisions(goal, actual)) return true;
  const [expected, found] = [goal.revisions?.[0], actual[0]];
  if (!goal.allowNewer || expected === undefined || found === undefined || actual.length > 1) return false;
  const [expectedDate, foundDate] = [await argo.revisionDate(expected), await argo.revisionDate(found)];
  if (expectedDate === undefined || foundDate === undefined || foundDate < expectedDate) return false;
  log.info(`${describeRevisions(actual)} is later than the expected revision, and will do`);
  goal.later.add(actual.join());
  return true;
}
