// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { GitPerson, Repository } from '../../lib/git/repository.ts';
import type { CommitKey } from '../../lib/git/signing-key.ts';
import type { Logger } from '../../lib/log/log.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import { allTrailers, commitMessage, commitSubject } from './commit-text.ts';
import { type Replaces, type Target, type Trailer, targetName } from './params.ts';
import { type Plan, planChange } from './plan.ts';
import type { Wanted } from './wanted.ts';

/** All that is known before the repository is looked at. */
export type Change = {
  repository: Repository;
  branch: string;
  targets: readonly Target[];
  wanted: Wanted;
  replaces: Replaces;
  subject: string | undefined;
  trailers: readonly Trailer[];
  author: { name: string; email: string };
  key: CommitKey | undefined;
  log: Logger;
  now: () => Date;
  random: () => number;
  sleep: (ms: number) => Promise<void>;
};

/** How it ended; `pullRequestUrl` is empty without one. */
export type Done = { commit: string; branch: string; changed: boolean; pullRequestUrl: string };

/** What would have to change at a commit. */
export function planAt({ repository, targets, wanted }: Change, commit: string): Promise<Plan> {
  return planChange(targets, wanted, (path) => repository.readFile(commit, path));
}

/** A commit on top of `parent` that carries the plan out; only here, nothing is sent yet. */
export function commitPlan(change: Change, parent: string, plan: Plan): Promise<string> {
  const { repository, wanted, subject, trailers, author, key, now } = change;
  const person: GitPerson = { ...author, timestamp: Math.floor(now().getTime() / 1000) };
  const message = commitMessage(commitSubject(wanted, subject), plan, allTrailers(wanted, trailers));
  return repository.writeCommit({ parent, files: plan.files, message, person, sign: key?.sign });
}

/** Branch of the pull request: the same for the same image, targets and branch, so that a later run finds what an earlier one left. */
export function pullRequestBranch({ wanted: { image }, branch, targets }: Change): string {
  const app = (image.repository.split('/').at(-1) ?? '').slice(0, 60);
  const places = createHash('sha256')
    .update(JSON.stringify([repositoryName(image), image.digest, branch, targets.map(targetName)]))
    .digest('hex');
  return `supply-chain/${app}-${image.digest.slice(7, 19)}-${places.slice(0, 8)}`;
}
