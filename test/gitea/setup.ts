// SPDX-License-Identifier: Apache-2.0
import type { TestProject } from 'vitest/node';
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
  await ensureBundles();
  gitea = await startGitea(await ensurePeer('gitea', { log: (line) => console.error(line) }));
  project.provide('gitea', gitea.access);
}

export async function teardown(): Promise<void> {
  await gitea?.stop();
}
