// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { inject } from 'vitest';
import { type CommandResult, runCommand, succeeded } from '../cosign/run-command.ts';
import { SERVERS, TRUST } from './bed.ts';

const PASSWORD = 'four-white-swans';

/** Who signs: a key, or the holder of a token. */
export type Signer = { key: true } | { token: string };
/** Whom the verifier expects: a public key file, or a service account (`namespace/name`). */
export type Expected = { publicKey: string } | { serviceAccount: string; issuer?: string };

/** The real cosign with files instead of the public instance, and a key pair of its own. */
export type Cosign = {
  publicKey: string;
  sign(image: string, by: Signer, options: readonly string[]): Promise<CommandResult>;
  verify(image: string, by: Expected, options?: readonly string[]): Promise<CommandResult>;
  verifyAttestation(image: string, type: string, by: Expected, options?: readonly string[]): Promise<CommandResult>;
};

export async function openCosign(folder: string): Promise<Cosign> {
  await mkdir(folder, { recursive: true });
  const run = (args: readonly string[]): Promise<CommandResult> =>
    runCommand(inject('cosign'), args, { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, COSIGN_PASSWORD: PASSWORD } });
  succeeded(await run(['generate-key-pair']), 'cosign generate-key-pair');
  const [key, publicKey] = [join(folder, 'cosign.key'), join(folder, 'cosign.pub')];
  const trust = ['--trusted-root', TRUST.trustedRoot];
  return {
    publicKey,
    sign(image, by, options) {
      const signer = 'key' in by ? ['--key', key] : ['--identity-token', by.token];
      return run(['sign', '--yes', ...signer, ...trust, ...options, image]);
    },
    verify: (image, by, options = []) => run(['verify', ...expecting(by), ...trust, ...options, image]),
    verifyAttestation: (image, type, by, options = []) => run(['verify-attestation', '--type', type, ...expecting(by), ...trust, ...options, image]),
  };
}

/** The options of cosign that say whom the verifier expects. */
export function expecting(by: Expected): string[] {
  if ('publicKey' in by) return ['--key', by.publicKey];
  return ['--certificate-identity', identityOf(by.serviceAccount), '--certificate-oidc-issuer', by.issuer ?? SERVERS.issuer];
}

/** The name that Fulcio puts into the certificate of `namespace/name`. */
function identityOf(serviceAccount: string): string {
  const [namespace, name] = serviceAccount.split('/');
  return `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${name}`;
}
