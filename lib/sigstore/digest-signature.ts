// SPDX-License-Identifier: Apache-2.0
import { constants, type KeyObject, publicDecrypt } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import type { KeyDetails } from './hashedrekord.ts';

type Claim = { digest: Buffer; signature: Buffer; publicKey: KeyObject; keyDetails: KeyDetails };

/**
 * Whether the signature is one over the digest itself, as a log has to decide it that never sees the message (rekor-tiles
 * pkg/types/hashedrekord, verifySignature). node:crypto always hashes what it verifies, hence @noble/curves.
 * ECDSA signatures with a high s count, as they do for Rekor. False for bytes that are no signature, and for Ed25519ph, which neither library
 * verifies from a digest.
 */
export function verifiesDigest(claim: Claim): boolean {
  try {
    return claim.keyDetails.keyType === 'ec' ? verifiesEcdsa(claim) : claim.keyDetails.keyType === 'rsa' && verifiesRsa(claim);
  } catch {
    // Both libraries throw on encodings that are no signature at all, which is a plain "no" here.
    return false;
  }
}

const CURVES = { prime256v1: p256, secp384r1: p384, secp521r1: p521 };
const UNCOMPRESSED_POINT = Buffer.from([0x04]);
/** DER of the DigestInfo of a SHA-256 digest up to the digest (RFC 8017 section 9.2, note 1). */
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

function verifiesEcdsa({ digest, signature, publicKey, keyDetails }: Claim): boolean {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([UNCOMPRESSED_POINT, Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const curve = CURVES[keyDetails.parameter as keyof typeof CURVES];
  return curve.verify(signature, digest, point, { prehash: false, format: 'der', lowS: false });
}

function verifiesRsa({ digest, signature, publicKey }: Claim): boolean {
  const signed = publicDecrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature);
  return signed.equals(Buffer.concat([SHA256_DIGEST_INFO, digest]));
}
