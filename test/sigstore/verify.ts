// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import process from 'node:process';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { MAIN, productEnv, RULE, writePolicy } from '../cosign/laptop.ts';
import { type CommandResult, runCommand } from '../cosign/run-command.ts';
import { REGISTRY, TRUST } from './bed.ts';
import { expecting } from './cosign.ts';

export type Judged = CommandResult & { verdict: Verdict };

/** `supply-chain verify` as a process, by a policy that asks for a signature of this key and for its log entry. */
export async function verifyByPolicy(folder: string, image: string, publicKey: string): Promise<Judged> {
  return verify(folder, image, ['--policy', await writePolicy(join(folder, 'policy'), publicKey, [RULE.signed, RULE.signatureLogged])]);
}

/** The same by the options that cosign has for an identity; the rules are called `signed` and `logged`. */
export async function verifyByIdentity(folder: string, image: string, expected: { serviceAccount: string; issuer?: string }): Promise<Judged> {
  return verify(folder, image, expecting(expected));
}

async function verify(folder: string, image: string, options: readonly string[]): Promise<Judged> {
  const args = ['verify', image, '-o', 'json', ...options, '--trusted-root', TRUST.trustedRoot, '--insecure-registry', REGISTRY];
  const result = await runCommand(process.execPath, [MAIN, ...args, '--state', join(folder, 'state')], { cwd: folder, env: productEnv(folder) });
  if (result.code !== 0 && result.code !== 20) throw new Error(`verify ended with ${result.code}:\n${result.stderr}`);
  return { ...result, verdict: JSON.parse(result.stdout) as Verdict };
}
