// SPDX-License-Identifier: Apache-2.0
import type { DigestReference } from '../../lib/reference/reference.ts';

/** What the application has to be brought to. */
export type Goal = {
  /** One revision a source; undefined as a whole, or in one place, takes whatever the application tracks there. */
  revisions: readonly (string | undefined)[] | undefined;
  allowNewer: boolean;
  /** Revisions (joined by commas) that were found to be later than the expected ones, where that will do. */
  later: Set<string>;
  image: DigestReference | undefined;
  /** Digests that may run beside the image; undefined allows everything. */
  otherDigests: readonly string[] | undefined;
};

/** At least seven hex digits are a short commit. */
const SHORT_COMMIT = /^[0-9a-f]{7,40}$/;

/** Whether these revisions are the expected ones, or later ones that will do. A short commit stands for every commit that begins so. */
export function matchesRevisions({ revisions, later }: Pick<Goal, 'revisions'> & { later?: ReadonlySet<string> }, actual: readonly string[]): boolean {
  if (later?.has(actual.join())) return true;
  return (revisions ?? []).every((expected, index) => {
    const found = actual[index];
    if (expected === undefined || found === expected) return true;
    return found !== undefined && SHORT_COMMIT.test(expected) && found.startsWith(expected);
  });
}

/** For messages: one revision, or several by position, an open place as `*`. */
export function describeRevisions(revisions: readonly (string | undefined)[] | undefined): string {
  if (revisions === undefined || revisions.length === 0) return '(none)';
  return revisions.map((revision) => revision ?? '*').join(',');
}
