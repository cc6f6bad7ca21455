// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from 'node:path';
import { inputError } from '../errors/errors.ts';
import { readBounded } from '../files/bounded-read.ts';
import { realInside } from '../files/inside.ts';
import { issuerMatch, subjectMatch } from '../policy/identity-schema.ts';
import { parsePolicy, policyDigest, policyKeyFiles, policyKeyReferences } from '../policy/policy.ts';
import type { Policy, Stage } from '../policy/policy-schema.ts';
import { parseSummaryPolicy, type SummaryPolicy } from '../policy/summary-policy.ts';
import { type NamedKey, parsePublicKey } from '../sigstore/public-key.ts';
import type { NamedIdentity } from '../sigstore/who-signed.ts';

const MAX_POLICY_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 64 * 1024;

/** A policy with the keys and identities of its signers, under the names that its rules use, and the digest of all of that. */
export type LoadedPolicy = Loaded<Policy>;
/** The same of a summary policy. */
export type LoadedSummaryPolicy = Loaded<SummaryPolicy>;
type Loaded<P> = { policy: P; digest: string; keys: readonly NamedKey[]; identities: readonly NamedIdentity[] };

/** Gets the public key of a reference (`hashivault://KEY`) as PEM. */
export type FetchKey = (reference: string) => Promise<string>;

/**
 * Reads the policy file at `path` below `folder`, and the key files that it names beside it; nothing outside of `folder` is read.
 * Keys that it names by reference (`kms`) come from `fetchKey`, as they are now, and count for the digest like files.
 * Throws input POLICY_INVALID, KEY_INVALID, KEY_UNSUPPORTED, FILE_MISSING or PATH_OUTSIDE, and what `fetchKey` throws.
 */
export async function loadPolicy(folder: string, path: string, fetchKey: FetchKey = notHere): Promise<LoadedPolicy> {
  return load(folder, path, parsePolicy, fetchKey);
}

async function notHere(reference: string): Promise<string> {
  throw inputError('POLICY_INVALID', `the policy names the key ${reference}, and keys that are kept elsewhere are not fetched here`, {
    hint: 'put the public key beside the policy: "supply-chain keys public REFERENCE" prints it',
  });
}

/** As `loadPolicy`, for a summary policy. */
export async function loadSummaryPolicy(folder: string, path: string): Promise<LoadedSummaryPolicy> {
  return load(folder, path, parseSummaryPolicy, notHere);
}

async function load<P extends Pick<Policy, 'signers'>>(
  folder: string,
  path: string,
  parse: (bytes: Uint8Array, what: string) => P,
  fetchKey: FetchKey,
): Promise<Loaded<P>> {
  const bytes = await readBounded(await realInside(folder, path), MAX_POLICY_BYTES, 'policy file');
  const policy = parse(bytes, path);
  const readKey = async (file: string): Promise<{ file: string; bytes: Buffer }> => ({
    file,
    bytes: await readBounded(await realInside(folder, join(dirname(path), file)), MAX_KEY_BYTES, `key file ${file} of the policy,`),
  });
  const fetched = policyKeyReferences(policy).map(async (file) => ({ file, bytes: Buffer.from(await fetchKey(file)) }));
  const keyFiles = await Promise.all([...policyKeyFiles(policy).map(readKey), ...fetched]);
  const pems = new Map(keyFiles.map(({ file, bytes: pem }) => [file, pem.toString('utf8')]));
  return { policy, digest: policyDigest(bytes, keyFiles), ...policySigners(policy, pems) };
}

/** The keys and identities of the policy's signers; `pems` holds the key files and references that it names. Throws input KEY_INVALID and KEY_UNSUPPORTED. */
export function policySigners(policy: Pick<Policy, 'signers'>, pems: ReadonlyMap<string, string>): { keys: NamedKey[]; identities: NamedIdentity[] } {
  const keys = policy.signers.flatMap(({ name, key }) => {
    const pem = key && ('data' in key ? key.data : (pems.get('kms' in key ? key.kms : key.file) ?? ''));
    return pem === undefined ? [] : [{ name, key: parsePublicKey(pem, `the key of signer ${name}`) }];
  });
  const identities = policy.signers.flatMap(({ name, identity }) =>
    identity ? [{ name, issuer: issuerMatch(identity), subject: subjectMatch(identity) }] : [],
  );
  return { keys, identities };
}

/** Why the policy cannot be judged without a trusted root at this stage; undefined when it can. */
export function whyTrustedRoot({ policy }: Pick<LoadedPolicy, 'policy'>, stage: Stage): string | undefined {
  if (policy.rules.some((rule) => rule.type === 'log-entry' && rule.stages.includes(stage)))
    return 'the policy asks for log entries, and no trusted root says which logs to believe';
  if (policy.signers.some(({ identity }) => identity !== undefined))
    return 'the policy names signers by identity, and no trusted root says which certificate authorities to believe';
  return undefined;
}
