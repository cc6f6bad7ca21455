// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from 'node:path';
import { readBounded } from '../files/bounded-read.ts';
import { realInside } from '../files/inside.ts';
import { parsePolicy, policyDigest, policyKeyFiles } from '../policy/policy.ts';
import type { Policy } from '../policy/policy-schema.ts';
import { type NamedKey, parsePublicKey } from '../sigstore/public-key.ts';

const MAX_POLICY_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 64 * 1024;

/** A policy with the keys of its signers, under the names that its rules use, and the digest of all of that. */
export type LoadedPolicy = { policy: Policy; digest: string; keys: readonly NamedKey[] };

/**
 * Reads the policy file at `path` below `folder`, and the key files that it names beside it; nothing outside of `folder` is read.
 * Throws input POLICY_INVALID, KEY_INVALID, KEY_UNSUPPORTED, FILE_MISSING or PATH_OUTSIDE.
 */
export async function loadPolicy(folder: string, path: string): Promise<LoadedPolicy> {
  const bytes = await readBounded(await realInside(folder, path), MAX_POLICY_BYTES, 'policy file');
  const policy = parsePolicy(bytes, path);
  const readKey = async (file: string): Promise<{ file: string; bytes: Buffer }> => ({
    file,
    bytes: await readBounded(await realInside(folder, join(dirname(path), file)), MAX_KEY_BYTES, `key file ${file} of the policy,`),
  });
  const keyFiles = await Promise.all(policyKeyFiles(policy).map(readKey));
  const pems = new Map(keyFiles.map(({ file, bytes: pem }) => [file, pem.toString('utf8')]));
  const keys = policy.signers.map(({ name, key }) => ({
    name,
    key: parsePublicKey('file' in key ? (pems.get(key.file) ?? '') : key.data, `the key of signer ${name}`),
  }));
  return { policy, digest: policyDigest(bytes, keyFiles), keys };
}
