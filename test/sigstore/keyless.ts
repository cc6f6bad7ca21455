// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLightKey } from '../step/light-key.ts';
import { runStep, type StepEnd } from '../step/spawn-step.ts';
import { mintToken, REGISTRY, SERVERS, TRUST } from './bed.ts';
import { SBOM } from './steps.ts';

/** Which signing config: that of Rekor v2, or of Rekor v1; both with Fulcio and a timestamp authority. */
export type Config = 'v2' | 'v1';
/** A service account as `namespace/name`, or the key. */
type By = { serviceAccount: string } | { key: true };

/** The built cosign-sign with signing configs and tokens, and rekor-upload beside it. */
export type Keyless = {
  publicKey: string;
  /** Folder of the workspace trust. */
  trust: string;
  sign(image: string, by: By, config: Config, params?: Record<string, string>): Promise<StepEnd & { token: string }>;
  upload(image: string): Promise<StepEnd>;
};

export async function openKeyless(folder: string): Promise<Keyless> {
  const [key, trust, reports] = [join(folder, 'signing-key'), join(folder, 'trust'), join(folder, 'reports')];
  for (const dir of [key, trust, reports]) await mkdir(dir, { recursive: true });
  await writeLightKey({ key, publicKey: folder });
  await copyFile(TRUST.trustedRoot, join(trust, 'trusted_root.json'));
  await copyFile(TRUST.signingConfig, join(trust, 'v2.json'));
  await copyFile(TRUST.signingConfigV1, join(trust, 'v1.json'));
  await writeFile(join(reports, SBOM.predicate), JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [] }));
  const common = { 'insecure-registries': REGISTRY, 'trusted-root': 'trusted_root.json' };
  return {
    publicKey: join(folder, 'cosign.pub'),
    trust,
    async sign(image, by, config, params = {}) {
      const { workspace, token } = 'key' in by ? { workspace: { 'signing-key': key }, token: 'no token' } : await projected(folder, by.serviceAccount);
      const end = await runStep({
        task: 'cosign-sign',
        params: { ...common, image, 'signing-config': `${config}.json`, ...params },
        workspaces: { ...workspace, trust, reports },
      });
      return { ...end, token };
    },
    upload: (image) =>
      runStep({
        task: 'rekor-upload',
        params: { ...common, image, 'rekor-url': SERVERS.rekorV2, 'rekor-read-url': SERVERS.rekorV2Tiles },
        workspaces: { trust },
      }),
  };
}

/** What kubelet would have mounted. */
async function projected(folder: string, account: string): Promise<{ workspace: Record<string, string>; token: string }> {
  const [namespace = '', serviceAccount = ''] = account.split('/');
  const token = await mintToken({ namespace, serviceAccount });
  const volume = await mkdtemp(join(folder, 'token-'));
  await writeFile(join(volume, 'oidc-token'), token);
  return { workspace: { 'identity-token': volume }, token };
}
