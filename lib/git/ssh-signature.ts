// SPDX-License-Identifier: Apache-2.0
import { constants, createHash, sign } from 'node:crypto';
import type { SshKey } from './ssh-key.ts';
import { sshMpint, sshString } from './ssh-wire.ts';

const MAGIC = 'SSHSIG';
const HASH = 'sha512';
const LINE = 70;
const ECDSA_HASH: Record<string, string> = { 'ecdsa-sha2-nistp256': 'sha256', 'ecdsa-sha2-nistp384': 'sha384', 'ecdsa-sha2-nistp521': 'sha512' };

/** An armoured SSH signature (PROTOCOL.sshsig of OpenSSH) of the message in a namespace, as "ssh-keygen -Y sign" makes it. Git's namespace is `git`. */
export function sshSignature(key: SshKey, message: Uint8Array | string, namespace: string): string {
  const digest = createHash(HASH).update(message).digest();
  const head = Buffer.concat([sshString(namespace), sshString(''), sshString(HASH)]);
  const signed = Buffer.concat([Buffer.from(MAGIC), head, sshString(digest)]);
  const version = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([Buffer.from(MAGIC), version, sshString(key.publicBlob), head, sshString(rawSignature(key, signed))]);
  const lines = blob.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}

/** The name under which OpenSSH shows the key: SHA256 and base64 without padding. */
export function sshFingerprint({ publicBlob }: Pick<SshKey, 'publicBlob'>): string {
  return `SHA256:${createHash('sha256').update(publicBlob).digest('base64').replace(/=+$/, '')}`;
}

/** Algorithm name and signature (RFC 8709, 5656, 8332). RSA signs with SHA-512: PROTOCOL.sshsig forbids SHA-1. */
function rawSignature({ type, privateKey }: SshKey, bytes: Buffer): Buffer {
  if (type === 'ssh-ed25519') return Buffer.concat([sshString(type), sshString(sign(null, bytes, privateKey))]);
  const hash = ECDSA_HASH[type];
  if (hash === undefined) {
    const padded = sign('sha512', bytes, { key: privateKey, padding: constants.RSA_PKCS1_PADDING });
    return Buffer.concat([sshString('rsa-sha2-512'), sshString(padded)]);
  }
  const pair = sign(hash, bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const half = pair.length / 2;
  return Buffer.concat([sshString(type), sshString(Buffer.concat([sshMpint(pair.subarray(0, half)), sshMpint(pair.subarray(half))]))]);
}
