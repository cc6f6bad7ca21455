// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { succeeded } from '../cosign/run-command.ts';
import { runStep, type StepEnd } from '../step/spawn-step.ts';
import { REGISTRY, TRUST } from './bed.ts';
import { type Cosign, openCosign } from './cosign.ts';
import { pushNewImage } from './images.ts';
import { verifyByPolicy } from './verify.ts';

let folder: string;
let cosign: Cosign;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigstore-keys-'));
  cosign = await openCosign(join(folder, 'cosign'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** `flags` are what cosign verify needs to be told; `refused` are the logs that do not take a signature of the key. */
type Row = { type: string; key: () => KeyObject; flags?: string[]; refused?: ('v1' | 'v2')[] };

const sha = (bits: number): string[] => ['--signature-digest-algorithm', `sha${bits}`];
const ec = (namedCurve: string) => () => generateKeyPairSync('ec', { namedCurve }).privateKey;
const rsa = (modulusLength: number) => () => generateKeyPairSync('rsa', { modulusLength }).privateKey;

/** The table of docs/signing-keys.md. */
const TABLE: Row[] = [
  { type: 'ECDSA P-256', key: ec('P-256') },
  { type: 'ECDSA P-384', key: ec('P-384'), flags: sha(384), refused: ['v1'] },
  { type: 'ECDSA P-521', key: ec('P-521'), flags: sha(512), refused: ['v1'] },
  { type: 'RSA 2048', key: rsa(2048) },
  { type: 'RSA 3072', key: rsa(3072) },
  { type: 'RSA 4096', key: rsa(4096) },
  { type: 'Ed25519', key: () => generateKeyPairSync('ed25519').privateKey, refused: ['v2'] },
];

async function sign(image: string, key: KeyObject, config: 'v1' | 'v2'): Promise<StepEnd & { publicKey: string }> {
  const dir = await mkdtemp(join(folder, 'key-'));
  const [secret, trust] = [join(dir, 'signing-key'), join(dir, 'trust')];
  for (const path of [secret, trust]) await mkdir(path);
  await writeFile(join(secret, 'cosign.key'), key.export({ format: 'pem', type: 'pkcs8' }));
  await writeFile(join(dir, 'cosign.pub'), createPublicKey(key).export({ format: 'pem', type: 'spki' }));
  await copyFile(TRUST.trustedRoot, join(trust, 'trusted_root.json'));
  await copyFile(config === 'v1' ? TRUST.signingConfigV1 : TRUST.signingConfig, join(trust, 'signing_config.json'));
  const params = { image, 'insecure-registries': REGISTRY, 'trusted-root': 'trusted_root.json', 'signing-config': 'signing_config.json' };
  return { ...(await runStep({ task: 'cosign-sign', params, workspaces: { 'signing-key': secret, trust } })), publicKey: join(dir, 'cosign.pub') };
}

test.each(TABLE.flatMap((row) => (['v1', 'v2'] as const).map((config) => ({ ...row, config }))))(
  '$type, Rekor $config',
  async ({ key, config, flags = [], refused = [] }) => {
    const image = await pushNewImage('key-types');
    const end = await sign(image, key(), config);
    if (refused.includes(config)) {
      expect(end).toMatchObject({ code: 77, results: { outcome: 'refused' } });
      expect(end.stderr).toContain('code=REKOR_REFUSED');
      return;
    }
    expect(end).toMatchObject({ code: 0, results: { action: 'signed' } });
    succeeded(await cosign.verify(image, end, ['--use-signed-timestamps', ...flags]), 'cosign verify');
    if (flags.length > 0) expect((await cosign.verify(image, end)).code).not.toBe(0);
    expect(await verifyByPolicy(folder, image, end.publicKey)).toMatchObject({ code: 0 });
  },
);
