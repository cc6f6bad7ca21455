// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import { StepError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { realInside } from '../../lib/files/inside.ts';
import { inOrder, type LintFinding, lintPolicy } from '../../lib/policy/lint.ts';
import { readPolicy } from '../../lib/policy/policy.ts';
import { fieldName } from '../../lib/policy/read-by-schema.ts';
import { keyFingerprint, parsePublicKey } from '../../lib/sigstore/public-key.ts';

const MAX_POLICY_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 64 * 1024;

/** What is wrong or odd with the policy file, and with the key files that it names beside it. Throws input FILE_MISSING and the like for the policy file alone. */
export async function lintFile(path: string, now: Date): Promise<LintFinding[]> {
  const bytes = await readBounded(path, MAX_POLICY_BYTES, 'policy file');
  return inOrder([...lintPolicy(bytes, now), ...(await keyFindings(bytes, path))]);
}

/** Keys that cannot be used, and one key under two names: it would let one person stand for two. */
async function keyFindings(bytes: Buffer, path: string): Promise<LintFinding[]> {
  const { value, placeOf } = readPolicy(bytes);
  const findings: LintFinding[] = [];
  const seen = new Map<string, string>();
  for (const [index, { name, key }] of (value?.signers ?? []).entries()) {
    // A key that is kept elsewhere is not fetched to lint a file.
    if (key === undefined || 'kms' in key) continue;
    const at = ['signers', index, 'key'];
    const report = (message: string): void =>
      void findings.push({ severity: 'error', code: 'key', place: placeOf(at), message: `${fieldName(at)}: ${message}` });
    try {
      const fingerprint = keyFingerprint(await readKey(key, path, name));
      const other = seen.get(fingerprint);
      if (other !== undefined) report(`is the same key as that of "${other}"`);
      seen.set(fingerprint, name);
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      report(error.message);
    }
  }
  return findings;
}

async function readKey(key: { file: string } | { data: string }, policy: string, signer: string): Promise<KeyObject> {
  const what = `the key of signer ${signer}`;
  if ('data' in key) return parsePublicKey(key.data, what);
  const file = await realInside(dirname(policy), key.file);
  return parsePublicKey((await readBounded(file, MAX_KEY_BYTES, what)).toString('utf8'), what);
}

/** One line for each finding, as compilers write them, so that editors jump to the place. */
export function lintText(path: string, findings: readonly LintFinding[]): string {
  const lines = findings.map(
    ({ severity, code, place, message }) => `${path}:${place?.line ?? 1}:${place?.column ?? 1}: ${severity}: ${message.replaceAll(/[\p{C}]/gu, ' ')} [${code}]`,
  );
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return `${[...lines, `${errors} errors, ${findings.length - errors} warnings`].join('\n')}\n`;
}
