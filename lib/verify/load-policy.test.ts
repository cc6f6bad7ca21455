// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyFingerprint, parsePublicKey } from '../sigstore/public-key.ts';
import { loadPolicy } from './load-policy.ts';

const newPem = (): string => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
const KEY = newPem();
const policyWith = (signers: string): string =>
  `apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: {name: small}\nsigners: [${signers}]\nrules:\n  - {id: signed, type: signature, signers: {any: [release]}}\n`;
const POLICY = policyWith('{name: release, key: {file: cosign.pub}}');

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'policy-'));
});
afterAll(() => rm(root, { recursive: true }));

let folders = 0;
/** A folder `policy` with these files; what is below `..` lies beside it. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  folders += 1;
  const folder = join(root, String(folders), 'policy');
  await mkdir(join(folder, 'deep'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

describe('loadPolicy', () => {
  it('reads the keys that the policy names, beside it and under the names of its signers', async () => {
    const folder = await folderWith({ 'deep/policy.yaml': POLICY, 'deep/cosign.pub': KEY });
    const { policy, keys } = await loadPolicy(folder, 'deep/policy.yaml');
    expect(policy.metadata.name).toBe('small');
    expect(keys.map(({ name, key }) => [name, keyFingerprint(key)])).toEqual([['release', keyFingerprint(parsePublicKey(KEY, 'key'))]]);
  });

  it('gives the same digest wherever the same policy lies', async () => {
    const folder = await folderWith({ 'policy.yaml': POLICY, 'cosign.pub': KEY });
    const elsewhere = join(root, 'elsewhere');
    await cp(folder, elsewhere, { recursive: true });
    expect((await loadPolicy(elsewhere, 'policy.yaml')).digest).toBe((await loadPolicy(folder, 'policy.yaml')).digest);
  });

  it.each([
    ['a key file is another one', { 'policy.yaml': POLICY, 'cosign.pub': newPem() }],
    ['the policy has one more comment', { 'policy.yaml': `${POLICY}# reviewed\n`, 'cosign.pub': KEY }],
  ])('gives another digest when %s', async (_what, files) => {
    const before = await loadPolicy(await folderWith({ 'policy.yaml': POLICY, 'cosign.pub': KEY }), 'policy.yaml');
    expect((await loadPolicy(await folderWith(files), 'policy.yaml')).digest).not.toBe(before.digest);
  });

  describe('a key by reference', () => {
    const byReference = policyWith('{name: release, key: {kms: "hashivault://release"}}');

    it('is fetched, and the digest covers it', async () => {
      const folder = await folderWith({ 'policy.yaml': byReference });
      const [first, rotated] = [KEY, newPem()].map((pem) =>
        loadPolicy(folder, 'policy.yaml', async (reference) => (reference === 'hashivault://release' ? pem : '')),
      );
      expect((await first)?.keys.map(({ key }) => keyFingerprint(key))).toEqual([keyFingerprint(parsePublicKey(KEY, 'key'))]);
      expect((await rotated)?.digest).not.toBe((await first)?.digest);
    });

    it('is refused where nothing fetches it', async () => {
      const folder = await folderWith({ 'policy.yaml': byReference });
      await expect(loadPolicy(folder, 'policy.yaml')).rejects.toMatchObject({
        kind: 'input',
        code: 'POLICY_INVALID',
        hint: expect.stringContaining('keys public'),
      });
    });
  });

  it.each([
    ['a key file that is not there', { 'policy.yaml': POLICY }, 'FILE_MISSING'],
    ['a key file that holds no key', { 'policy.yaml': POLICY, 'cosign.pub': 'key' }, 'KEY_INVALID'],
    ['a key file outside of the folder', { 'policy.yaml': policyWith('{name: release, key: {file: ../cosign.pub}}'), '../cosign.pub': KEY }, 'POLICY_INVALID'],
    ['a policy that is none', { 'policy.yaml': 'kind: Policy\n' }, 'POLICY_INVALID'],
    ['no policy', {}, 'FILE_MISSING'],
  ])('refuses %s', async (_what, files: Record<string, string>, code) => {
    await expect(loadPolicy(await folderWith(files), 'policy.yaml')).rejects.toMatchObject({ kind: 'input', code });
  });

  it('follows no link of a key out of the folder', async () => {
    const folder = await folderWith({ 'policy.yaml': POLICY, '../outside.pub': KEY });
    await symlink('../outside.pub', join(folder, 'cosign.pub'));
    await expect(loadPolicy(folder, 'policy.yaml')).rejects.toMatchObject({ kind: 'input', code: 'PATH_OUTSIDE' });
  });
});
