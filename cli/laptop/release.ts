// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import { DEPLOYMENT_TARGET } from '../services/git/first-commit.ts';
import type { GateMode } from './gate-mode.ts';
import type { Laptop } from './laptop.ts';
import { loginName } from './login.ts';
import { PROJECT } from './project.ts';
import { runPipelineFile } from './run-pipeline-file.ts';
import { PIPELINES } from './secure.ts';

/** An Argo CD that takes the commit from there. */
export type ArgoCd = { server: string; app: string; token: Buffer };
export type ReleaseOptions = { gate: GateMode; argocd: ArgoCd | undefined; verbose: boolean };

const MAX_TOKEN_BYTES = 64 * 1024;

/** Argo CD as the options name it: all of it or nothing. Throws input USAGE, and what reading the token file throws. */
export async function readArgoCd(given: { server: string | undefined; app: string | undefined; tokenFile: string | undefined }): Promise<ArgoCd | undefined> {
  const { server, app, tokenFile } = given;
  if (server === undefined && app === undefined && tokenFile === undefined) return undefined;
  if (server !== undefined && app !== undefined && tokenFile !== undefined)
    return { server, app, token: await readBounded(tokenFile, MAX_TOKEN_BYTES, 'Argo CD token') };
  throw inputError('USAGE', 'an Argo CD needs --argocd-server, --argocd-app and --argocd-token-file, all three', {
    hint: 'leave all of them out, and the run ends with the GitOps commit',
  });
}

/** Runs release-image on what secure-image proved: gate, verdict once more, promotion within the embedded registry, commit in the embedded Git repository, and Argo CD's sync where there is one. */
export async function release({ state, services }: Laptop, image: DigestReference, { gate, argocd, verbose }: ReleaseOptions): Promise<PipelineRun> {
  const credentials = argocd && (await argoCdCredentials(state.temp, argocd));
  try {
    return await runPipelineFile({
      project: PROJECT,
      pipeline: PIPELINES.release,
      params: {
        image: formatReference(image),
        'release-repository': releaseRepository(image),
        'git-repository': services.git.repository,
        'git-targets': DEPLOYMENT_TARGET,
        requester: loginName(),
        ...(argocd && { 'argocd-server': argocd.server, 'argocd-app': argocd.app }),
      },
      workspaces: credentials === undefined ? {} : { 'argocd-credentials': credentials },
      state,
      services,
      gate,
      verbose,
    });
  } finally {
    if (credentials !== undefined) await rm(credentials, { recursive: true, force: true });
  }
}

/** `demo/app` and `imported/team/app` are released as `release/app` and `release/team/app`. */
export function releaseRepository({ registry, repository }: DigestReference): string {
  return `${registry}/release/${repository.split('/').slice(1).join('/') || repository}`;
}

/** A folder that stands for the Secret, until the run is over. */
async function argoCdCredentials(temp: string, { token }: ArgoCd): Promise<string> {
  const folder = await mkdtemp(join(temp, 'argocd-'));
  await writeAtomic(join(folder, 'token'), token, { mode: 0o600 });
  return folder;
}
