// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { inputError } from '../../lib/errors/errors.ts';
import { createForge, type Forge } from '../../lib/forge/forge.ts';
import { forgeOf } from '../../lib/forge/forge-place.ts';
import { type GitCredential, readGitCredential } from '../../lib/git/credential.ts';
import { openRepository } from '../../lib/git/repository.ts';
import { openCommitKey } from '../../lib/git/signing-key.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import type { Change } from './change.ts';
import { checkTransport } from './git-place.ts';
import { proposeChange } from './pull-request.ts';
import { pushChange } from './push.ts';
import type { spec } from './spec.ts';

/** The name that a Secret of type kubernetes.io/ssh-auth has, one for a GPG key, and one beside them. */
const KEY_FILES = { keys: ['ssh-privatekey', 'gpg-privatekey'], password: 'passphrase' };

/** Makes sure that the targets in the repository hold the image, by push or pull request. */
export async function run({ params, workspaces }: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  checkTransport(params.repository, params['insecure-registries']);
  const credential = await readGitCredential(workspaces['git-credentials'], params.repository);
  const forge = params.mode === 'push' ? undefined : openForge(params, credential, deps);
  const keyFolder = workspaces['signing-key'];
  const key = keyFolder === undefined ? undefined : await openCommitKey(keyFolder, KEY_FILES, deps.now);
  const repository = await openRepository({ http: deps.http, url: params.repository, credential });
  const change: Change = {
    repository,
    branch: params.branch ?? (await repository.defaultBranch()),
    targets: params.targets,
    wanted: { image: params.image, chartVersion: params['chart-version'] },
    replaces: params.replaces,
    subject: params.message,
    trailers: params.trailers ?? [],
    author: params.author,
    key,
    log: deps.log,
    now: deps.now,
    random: Math.random,
    sleep: (ms) => delay(ms, undefined, { signal: deps.signal }),
  };
  const { commit, branch, changed, pullRequestUrl } = await (forge === undefined
    ? pushChange(change)
    : proposeChange(change, forge, params.mode === 'pull-request-merged'));
  deps.log.info(changed ? 'committed' : 'nothing to change', { commit, branch, ...(key && { signed: key.name }) });
  return {
    results: {
      subject: `${repositoryName(params.image)}@${params.image.digest}`,
      commit,
      branch,
      changed: String(changed),
      'pull-request-url': pullRequestUrl,
    },
  };
}

function openForge(params: Inputs<typeof spec>['params'], credential: GitCredential | undefined, { http }: StepDeps): Forge {
  const { kind, url, repo } = forgeOf(params.repository, params.forge);
  if (credential === undefined) throw inputError('GIT_CREDENTIAL_INVALID', 'a pull request needs a token, and the workspace git-credentials is not bound');
  checkTransport(url, params['insecure-registries']);
  return createForge({ kind, url, repo, token: credential.password, credential: credential.name, http });
}
