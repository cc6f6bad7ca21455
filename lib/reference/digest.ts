// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

const SHA256_DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether the text is a sha256 digest as the OCI image spec writes it (descriptor.md, "Digests"): `sha256:` and 64 lower-case hex digits. */
export function isDigest(text: string): boolean {
  return SHA256_DIGEST.test(text);
}

/** The OCI digest `sha256:<hex>` of the bytes. */
export function sha256Digest(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The 64 hex digits of an OCI sha256 digest, as in-toto writes them under `digest.sha256`. */
export function digestHex(digest: string): string {
  return digest.slice('sha256:'.length);
}
