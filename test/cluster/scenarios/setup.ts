// SPDX-License-Identifier: Apache-2.0
/**
 * Shared setup of the scenarios (vitest globalSetup): the bed is up, the suite is installed in it as docs/operations/install.md tells an admin. What is there
 * already is left alone, so a second run takes seconds. A bed that was up before stays up; one that this setup brought up is taken down at the end, unless
 * CLUSTER_KEEP is set.
 *
 * What a scenario works with:
 * - suite.ts        `openSuite()` → bed (kubectl, apply, node), addresses of the peers, trusted root, references of test images, path of the rendered catalog;
 *                   `installCatalog(suite, namespace)` applies it to the namespace of a team, with the Tasks git-checkout and image-build for the slots.
 * - team.ts         `createTeam(bed, …)`, `deleteTeam`: a `restricted` namespace with signing key, policy and trust.
 * - tekton-run.ts   `runToEnd`, `runToSuccess`, `startRun`, `waitForEnd`, `taskOf`, `explain`: runs, with their time and pods told.
 * - approver.ts     `createApprover`, `approveGate`, `openGate`: a person with an identity of his own who votes by `supply-chain gate`.
 * - source-repository.ts, argocd-place.ts: repositories, webhooks and pull requests at Gitea; an Argo CD project with its application and its token.
 */
import process from 'node:process';
import type { TestProject } from 'vitest/node';
import { ensurePeer } from '../../peers/peers.ts';
import { createBed } from '../bed/bed.ts';
import { bringUp } from '../bed/bring-up.ts';
import type { Bed } from '../bed/component.ts';
import { withLock } from '../bed/lock.ts';
import { selectComponents } from '../bed/order.ts';
import { type BedPlace, bedPlace } from '../bed/state.ts';
import { bedStatus } from '../bed/status.ts';
import { takeDown } from '../bed/take-down.ts';
import { recycleVolumes } from '../components/storage.ts';
import { components } from '../components/table.ts';
import { type Installed, installAsAdmin } from './install-as-admin.ts';
import { deleteOldTeams } from './team.ts';

declare module 'vitest' {
  interface ProvidedContext {
    installed: Installed;
  }
}

const log = (line: string): void => console.error(line);
let isOurs = false;

export async function setup(project: TestProject): Promise<void> {
  const place = bedPlace(process.env);
  const bed = createBed(place, log);
  const started = performance.now();
  await withLock(place, { doing: 'setup of the scenarios', log }, async () => {
    isOurs = await ensureBed(place, bed);
    await deleteOldTeams(bed);
    await recycleVolumes(bed);
    project.provide('installed', await installAsAdmin(bed));
    project.provide('cosign', (await ensurePeer('cosign', { log })).cosign);
  });
  log(`the suite is installed, after ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

export async function teardown(): Promise<void> {
  if (!isOurs || process.env['CLUSTER_KEEP']) return;
  const place = bedPlace(process.env);
  await withLock(place, { doing: 'down', log }, () => takeDown(place, createBed(place, log), components));
}

/** Brings up what does not answer; gives whether nothing did. */
async function ensureBed(place: BedPlace, bed: Bed): Promise<boolean> {
  const rows = await bedStatus(place, bed, components);
  const missing = rows.filter(({ state }) => state !== 'ready').map(({ name }) => name);
  if (missing.length > 0) {
    log(`bringing up ${missing.join(', ')}`);
    await bringUp(bed, selectComponents(components, { only: missing }));
  }
  return rows.every(({ state }) => state === 'down');
}
