// SPDX-License-Identifier: Apache-2.0
import type { TestProject } from 'vitest/node';
import { ensureDebianTools } from '../peers/debian-tools.ts';
import { ensurePeer } from '../peers/peers.ts';
import { ensureBundles } from '../step/bundles.ts';
import { type Gitea, type GiteaAccess, startGitea } from './gitea.ts';

declare module 'vitest' {
  interface ProvidedContext {
    gitea: GiteaAccess;
  }
}

let gitea: Gitea | undefined;

/** One Gitea for all files, and bundles that are those of the sources. */
export async function setup(project: TestProject): Promise<void> {
  const log = (line: string): void => console.error(line);
  await ensureDebianTools({ gpg: 'gnupg', 'gpg-agent': 'gpg-agent' }, log);
  await ensureBundles();
  gitea = await startGitea(await ensurePeer('gitea', { log }));
  project.provide('gitea', gitea.access);
}

export async function teardown(): Promise<void> {
  await gitea?.stop();
}
