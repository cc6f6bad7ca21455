// SPDX-License-Identifier: Apache-2.0
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Component } from '../../bed/component.ts';
import { AUDIENCE, answers, answersNow, sigstoreEndpoints } from './endpoints.ts';
import { FOLDER_SERVER, folderServerArgs } from './serve-folder.ts';
import { trustFiles } from './trust-files.ts';

const DISCOVERY = '.well-known/openid-configuration';
const KEYS = 'openid/v1/jwks';
/** As kubeadm's clusters have it, and the only one that cosign takes for a token on its command line. */
const ALGORITHM = 'RS256';

/** An issuer of tokens as Kubernetes makes them, for tests without a cluster: two files (OpenID Connect Discovery 1.0) that Fulcio reads. Tokens come from `mintToken`. */
export const oidcIssuer: Component = {
  name: 'oidc-issuer',
  groups: ['sigstore'],
  needs: ['sigstore-trust'],
  async up(bed) {
    const { issuer } = sigstoreEndpoints(bed.node);
    const folder = await bed.dir('oidc-issuer');
    const publicKey = createPublicKey(await readFile(trustFiles(bed.root).issuer.publicKey, 'utf8'));
    const key = { ...publicKey.export({ format: 'jwk' }), kid: keyId(publicKey), use: 'sig', alg: ALGORITHM };
    const discovery = {
      issuer,
      jwks_uri: `${issuer}/${KEYS}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [ALGORITHM],
    };
    for (const [path, content] of [[DISCOVERY, discovery] as const, [KEYS, { keys: [key] }] as const]) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), JSON.stringify(content));
    }
    await bed.daemon({
      name: 'oidc-issuer',
      command: process.execPath,
      args: [FOLDER_SERVER, ...folderServerArgs(folder, issuer)],
      isReady: () => answers(`${issuer}/${KEYS}`),
    });
  },
  isReady: ({ node }) => answersNow(`${sigstoreEndpoints(node).issuer}/${KEYS}`),
};

/** Whom a token is for: a service account, as Kubernetes names it. `ttl` in seconds, 600 unless told; a negative one makes a token that has expired. */
export type TokenRequest = { namespace: string; serviceAccount: string; audience?: string; ttl?: number };

/** A token of the issuer of the bed at `root`, with the claims of a Kubernetes service account token that is bound to a pod. */
export async function mintToken(
  { root, node }: { root: string; node: string },
  { namespace, serviceAccount, audience = AUDIENCE, ttl = 600 }: TokenRequest,
): Promise<string> {
  const privateKey = createPrivateKey(await readFile(trustFiles(root).issuer.key, 'utf8'));
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: sigstoreEndpoints(node).issuer,
    sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
    aud: [audience],
    jti: randomUUID(),
    iat: Math.min(now, now + ttl),
    nbf: Math.min(now, now + ttl),
    exp: now + ttl,
    'kubernetes.io': {
      namespace,
      serviceaccount: { name: serviceAccount, uid: randomUUID() },
      pod: { name: 'test', uid: randomUUID() },
    },
  };
  const header = { alg: ALGORITHM, typ: 'JWT', kid: keyId(createPublicKey(privateKey)) };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(signed), privateKey);
  return `${signed}.${signature.toString('base64url')}`;
}

/** As the API server names its keys: the hash of the SubjectPublicKeyInfo. */
function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}
