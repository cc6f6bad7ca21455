// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLightKey } from '../step/light-key.ts';
import { runStep, type StepEnd, type StepRun } from '../step/spawn-step.ts';
import { REGISTRY, SERVERS, TRUST } from './bed.ts';

/** Params that attest a document in place of a signature. */
export const SBOM = { predicate: 'bom.cdx.json', 'predicate-type': 'cyclonedx' } as const;

/** The built bundles of our Tasks with the stack's servers: a key in the Secret, the stack's trusted root in the workspace. */
export type Steps = {
  publicKey: string;
  sign(image: string, params?: Record<string, string>, more?: Pick<StepRun, 'onSpawn'>): Promise<StepEnd>;
  upload(image: string, params?: Record<string, string>, more?: Pick<StepRun, 'onSpawn'>): Promise<StepEnd>;
};

export async function openSteps(folder: string): Promise<Steps> {
  const [key, trust, reports] = [join(folder, 'signing-key'), join(folder, 'trust'), join(folder, 'reports')];
  for (const dir of [key, trust, reports]) await mkdir(dir, { recursive: true });
  await writeLightKey({ key, publicKey: folder });
  await copyFile(TRUST.trustedRoot, join(trust, 'trusted_root.json'));
  await writeFile(join(reports, SBOM.predicate), JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [] }));
  const common = { 'insecure-registries': REGISTRY, 'trusted-root': 'trusted_root.json', 'rekor-url': SERVERS.rekorV2 };
  return {
    publicKey: join(folder, 'cosign.pub'),
    sign: (image, params = {}, more = {}) =>
      runStep({ task: 'cosign-sign', params: { ...common, image, ...params }, workspaces: { 'signing-key': key, trust, reports }, ...more }),
    upload: (image, params = {}, more = {}) =>
      runStep({ task: 'rekor-upload', params: { ...common, image, 'rekor-read-url': SERVERS.rekorV2Tiles, ...params }, workspaces: { trust }, ...more }),
  };
}
