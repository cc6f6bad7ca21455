// SPDX-License-Identifier: Apache-2.0
import { repositoryName } from '../reference/reference.ts';
import type { RepositoryName } from './session.ts';

/** What a client has learnt about the referrers API of registries (distribution spec 1.1, "Listing Referrers"). */
export type ReferrersApi = {
  /** The registry listed a manifest that was pushed without an OCI-Subject in the answer, so the next one needs no look. */
  listsSilently(repository: RepositoryName): boolean;
  /** The repository answered lately that there is no such API. */
  isAbsent(repository: RepositoryName): boolean;
  learn(repository: RepositoryName, what: 'lists' | 'absent'): void;
};

const ABSENT_MS = 5 * 60_000;

/**
 * A memory for one client. That an API is there holds for the registry. That it is absent holds for one repository and
 * five minutes: some registries answer 404 for a repository that they do not know yet, and a service outlives an upgrade
 * of its registry.
 */
export function createReferrersApi(now: () => number): ReferrersApi {
  const listing = new Set<string>();
  const absent = new Map<string, number>();
  return {
    listsSilently: ({ registry }) => listing.has(registry),
    isAbsent: (repository) => (absent.get(repositoryName(repository)) ?? Number.NEGATIVE_INFINITY) > now(),
    learn(repository, what) {
      if (what === 'absent') {
        absent.set(repositoryName(repository), now() + ABSENT_MS);
        return;
      }
      listing.add(repository.registry);
      absent.delete(repositoryName(repository));
    },
  };
}
