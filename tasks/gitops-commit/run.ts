// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { inputError } from '../../lib/errors/errors.ts';
import { createForge, type Forge } from '../../lib/forge/forge.ts';
import { forgeOf } from '../../lib/forge/forge-place.ts';
import { type GitCredential, readGitCredential } from '../../lib/git/credential.ts';
import { openRepository } from '../../lib/git/repository.ts';
import { type CommitKey, openCommitKey } from '../../lib/git/signing-key.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import type { Change, Done } from './change.ts';
import { checkTransport } from './git-place.ts';
import type { spec } from './spec.ts';

/** Names that a Secret of type kubernetes.io/ssh-auth has, and one beside it. */
const KEY_FILE = 'ssh-privatekey';
const PASSWORD_FILE = 'passphrase';

/** Makes sure that the targets in the repository hold the image, by push or pull request. */
export async function run({ params, workspaces }: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  checkTransport(params.repository, params['insecure-registries']);
  const credential = await readGitCredential(workspaces['git-credentials'], params.repository);
  const forge = params.mode === 'push' ? undefined : openForge(params, credential, deps);
  const key = await openKey(workspaces['signing-key']);
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
  const { commit, branch, changed, pullRequestUrl } = await carryOut(change, forge, params.mode === 'pull-request-merged');
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

/** The modules that read YAML are loaded only now: a step whose params are wrong has to say so at once. */
async function carryOut(change: Change, forge: Forge | undefined, wait: boolean): Promise<Done> {
  if (forge === undefined) return (await import('./push.ts')).pushChange(change);
  return (await import('./pull-request.ts')).proposeChange(change, forge, wait);
}

function openForge(params: Inputs<typeof spec>['params'], credential: GitCredential | undefined, { http }: StepDeps): Forge {
  const { kind, url, repo } = forgeOf(params.repository, params.forge);
  if (credential === undefined) throw inputError('GIT_CREDENTIAL_INVALID', 'a pull request needs a token, and the workspace git-credentials is not bound');
  checkTransport(url, params['insecure-registries']);
  return createForge({ kind, url, repo, token: credential.password, credential: credential.name, http });
}

async function openKey(folder: string | undefined): Promise<CommitKey | undefined> {
  return folder === undefined ? undefined : openCommitKey(folder, KEY_FILE, PASSWORD_FILE);
}
