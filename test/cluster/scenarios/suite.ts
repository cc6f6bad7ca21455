// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { inject } from 'vitest';
import { createBed } from '../bed/bed.ts';
import type { Bed } from '../bed/component.ts';
import { bedPlace } from '../bed/state.ts';
import { sigstoreEndpoints } from '../components/sigstore/endpoints.ts';
import { trustFiles } from '../components/sigstore/trust-files.ts';
import { type Installed, kubectl } from './install-as-admin.ts';
import { slotTasks } from './tasks/slot-tasks.ts';

/** What every scenario works with. */
export type Suite = Installed & {
  bed: Bed;
  /** Admin kubeconfig, for what needs a file. */
  kubeconfig: string;
  /** host:port of the registry with the referrers API, in plain HTTP. */
  registry: string;
  /** The same without that API. */
  registryPlain: string;
  /** Where Rekor v2 takes entries, and where its checkpoint and tiles are read. */
  rekorUrl: string;
  rekorReadUrl: string;
  grafeasUrl: string;
  giteaUrl: string;
  argocdUrl: string;
  /** Hosts of the bed that speak plain HTTP, for the param insecure-registries. */
  insecure: string;
  /** Path of the Sigstore trusted root of the bed, and its text. */
  trustedRootFile: string;
  trustedRoot: string;
};

/** The bed as it stands and what the setup has installed; starts nothing. */
export async function openSuite(installed: Installed = inject('installed')): Promise<Suite> {
  const place = bedPlace(process.env);
  const bed = createBed(place, (line) => console.error(line));
  const { node } = bed;
  const trustedRootFile = trustFiles(bed.root).trustedRoot;
  return {
    ...installed,
    bed,
    kubeconfig: place.kubeconfig,
    registry: `${node}:5000`,
    registryPlain: `${node}:5001`,
    rekorUrl: sigstoreEndpoints(node).rekorV2,
    rekorReadUrl: sigstoreEndpoints(node).rekorV2Tiles,
    grafeasUrl: `http://${node}:8080`,
    giteaUrl: `http://${node}:3300`,
    argocdUrl: `https://${node}:8443`,
    insecure: [5000, 5001, 3300].map((port) => `${node}:${port}`).join(','),
    trustedRootFile,
    trustedRoot: await readFile(trustedRootFile, 'utf8'),
  };
}

/** Applies the rendered catalog to the namespace of a team, as docs/operations/install.md says, and the Tasks for the slots clone-task and build-task. */
export async function installCatalog({ bed, rendered, taskImages }: Suite, namespace: string): Promise<void> {
  await kubectl(bed, ['apply', '-n', namespace, '-f', join(rendered, 'install.yaml')]);
  await kubectl(bed, ['apply', '-n', namespace, '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: slotTasks(taskImages) }));
}
