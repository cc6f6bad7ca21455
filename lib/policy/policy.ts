// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import { digestHex, sha256Digest } from '../reference/digest.ts';
import { referenceProblems } from './policy-references.ts';
import { type Policy, PolicyFile } from './policy-schema.ts';
import { problemLines, type ReadFile, readBySchema } from './read-by-schema.ts';

/** Reads a policy file (YAML or JSON) with every problem of it; see `parsePolicy`. */
export function readPolicy(bytes: Uint8Array): ReadFile<Policy> {
  return readBySchema(bytes, PolicyFile, referenceProblems);
}

/** Reads a policy file (YAML or JSON). `what` is its name for messages. Throws input POLICY_INVALID that lists every problem with its line and place. */
export function parsePolicy(bytes: Uint8Array, what: string): Policy {
  const { value, problems } = readPolicy(bytes);
  if (value !== undefined) return value;
  throw inputError('POLICY_INVALID', `${what} is not a policy that can be judged by:\n${problemLines(problems)}`, {
    hint: 'correct the policy file; its JSON schema stands beside the Task policy-check',
  });
}

/** A key file that a policy names, as the reader of the policy found it. */
export type PolicyKeyFile = { file: string; bytes: Uint8Array };

/** The references to keys kept elsewhere that a policy names, each once, sorted. */
export function policyKeyReferences(policy: Pick<Policy, 'signers'>): string[] {
  return [...new Set(policy.signers.flatMap(({ key }) => (key && 'kms' in key ? [key.kms] : [])))].sort();
}

/** The key files that a policy names, each once, sorted. */
export function policyKeyFiles(policy: Pick<Policy, 'signers'>): string[] {
  return [...new Set(policy.signers.flatMap(({ key }) => (key && 'file' in key ? [key.file] : [])))].sort();
}

/**
 * The digest of everything that decides what a policy says: `sha256:` of the listing that `sha256sum` would print for the policy file (under the name `policy`) and
 * then for the key files in the order of their names. Changes when a key file changes, although the policy file does not.
 */
export function policyDigest(policyBytes: Uint8Array, keyFiles: readonly PolicyKeyFile[]): string {
  const keys = [...keyFiles].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  const entries = [{ file: 'policy', bytes: policyBytes }, ...keys];
  return sha256Digest(entries.map(({ file, bytes }) => `${digestHex(sha256Digest(bytes))}  ${file}\n`).join(''));
}
