// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { inject } from 'vitest';
import { type CommandResult, runCommand, succeeded } from './run-command.ts';

/** Whom cosign believes: a public key file and a trusted root file. */
export type CosignTrust = { publicKey: string; trustedRoot: string };
/** What cosign signs with: an encrypted key file with its password, and where its signing config sends the entry. */
export type CosignSigner = { key: string; password: string; signingConfig: string; trustedRoot: string };

/** The real cosign, offline: every call gets its trust from files, and HOME is an empty folder. */
export type Cosign = {
  verify(image: string, trust: CosignTrust): Promise<CommandResult>;
  verifyAttestation(image: string, type: string, trust: CosignTrust): Promise<CommandResult>;
  sign(image: string, signer: CosignSigner): Promise<CommandResult>;
  attest(image: string, predicate: { type: string; file: string }, signer: CosignSigner): Promise<CommandResult>;
  /** The public key in PEM that belongs to an encrypted key file. */
  publicKey(key: string, password: string): Promise<CommandResult>;
  /** Writes `cosign.key` and `cosign.pub` to the folder. */
  generateKeyPair(folder: string, password: string): Promise<CommandResult>;
  /** Writes a signing config that names one Rekor v2 log; gives its path. */
  signingConfig(file: string, rekorUrl: string): Promise<string>;
};

/** cosign with `folder` as its home and working folder. */
export async function openCosign(folder: string): Promise<Cosign> {
  await mkdir(folder, { recursive: true });
  const binary = inject('cosign');
  const run = (args: readonly string[], password?: string): Promise<CommandResult> => {
    const env = { PATH: process.env['PATH'], HOME: folder, ...(password !== undefined && { COSIGN_PASSWORD: password }) };
    return runCommand(binary, args, { cwd: folder, env });
  };
  const believing = ({ publicKey, trustedRoot }: CosignTrust) => ['--key', publicKey, '--trusted-root', trustedRoot];
  const signing = ({ key, signingConfig, trustedRoot }: CosignSigner) => [
    '--key',
    key,
    '--signing-config',
    signingConfig,
    '--trusted-root',
    trustedRoot,
    '--yes',
  ];
  return {
    verify: (image, trust) => run(['verify', ...believing(trust), image]),
    verifyAttestation: (image, type, trust) => run(['verify-attestation', '--type', type, ...believing(trust), image]),
    sign: (image, signer) => run(['sign', ...signing(signer), image], signer.password),
    attest: (image, { type, file }, signer) => run(['attest', '--type', type, '--predicate', file, ...signing(signer), image], signer.password),
    publicKey: (key, password) => run(['public-key', '--key', key], password),
    generateKeyPair: (into, password) => run(['generate-key-pair', '--output-key-prefix', join(into, 'cosign')], password),
    async signingConfig(file, rekorUrl) {
      const log = `url=${rekorUrl},api-version=2,start-time=2026-01-01T00:00:00Z,operator=embedded`;
      succeeded(await run(['signing-config', 'create', '--rekor', log, '--rekor-config', 'ANY', '--out', file]), 'cosign signing-config create');
      return file;
    },
  };
}

/** The predicates in what `cosign verify-attestation` prints: a DSSE envelope a line. */
export function printedPredicates(stdout: string): unknown[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { payload } = JSON.parse(line) as { payload: string };
    return (JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as { predicate: unknown }).predicate;
  });
}
