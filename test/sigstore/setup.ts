// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { bedPlace } from '../cluster/bed/state.ts';
import { succeeded } from '../cosign/run-command.ts';
import { ensurePeer } from '../peers/peers.ts';
import { ensureBundles } from '../step/bundles.ts';
import { runBed } from './bed.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the cosign binary. */
    cosign: string;
  }
}

/** Once for all files: bundles of the sources, cosign, and the bed's registry and Sigstore servers. A bed that was there before stays up. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await ensureBundles();
  const { cosign } = await ensurePeer('cosign', { log: (line) => console.error(line) });
  project.provide('cosign', cosign);
  const wasThere = existsSync(bedPlace(process.env).root);
  succeeded(await runBed(['up', '--only', 'registry', '--only', 'sigstore']), 'cluster up');
  return async () => {
    if (!wasThere) succeeded(await runBed(['down']), 'cluster down');
  };
}
