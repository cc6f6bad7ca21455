// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { deniedError } from '../errors/errors.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { Descriptor } from './oci.ts';

/** Where an artifact's bytes come from; every byte is verified against its digest. */
export type ContentSource = {
  /** For messages. */
  name: string;
  root: Descriptor;
  /** The manifest or index with this digest; at most 4 MiB. */
  manifest(digest: string): Promise<{ descriptor: Descriptor; bytes: Buffer }>;
  /** The blob's bytes; throws denied DIGEST_MISMATCH at the end when size or sha256 differ. */
  blob(descriptor: Descriptor): AsyncIterable<Buffer>;
  /** Set when the artifact lies in a registry, so that a copy inside that registry can mount blobs instead of moving them. */
  origin?: { registry: string; repository: string };
};

/**
 * The bytes of `stream`, checked on the way: throws denied DIGEST_MISMATCH as soon as there are more than
 * `descriptor.size`, and at the end when size or sha256 differ. The last chunk is held back until then, so a reader
 * never has all bytes of a forged blob without the error. `what` names the object.
 */
export async function* verifiedBlob(stream: AsyncIterable<Uint8Array>, descriptor: Descriptor, what: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  let held: Buffer | undefined;
  for await (const part of stream) {
    const chunk = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    size += chunk.length;
    if (size > descriptor.size) throw mismatch(what, descriptor, `there are more than ${descriptor.size} bytes`);
    hash.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (size !== descriptor.size) throw mismatch(what, descriptor, `there are ${size} bytes instead of ${descriptor.size}`);
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest !== descriptor.digest) throw mismatch(what, descriptor, `its content has the digest ${digest}`);
  if (held !== undefined) yield held;
}

/** A whole blob in memory, verified; denied BLOB_TOO_LARGE before a byte is read when its descriptor says more than `maxBytes`. */
export async function collectBlob(source: Pick<ContentSource, 'blob' | 'name'>, descriptor: Descriptor, maxBytes: number): Promise<Buffer> {
  if (descriptor.size > maxBytes) {
    throw deniedError('BLOB_TOO_LARGE', `blob ${descriptor.digest} of ${source.name} has ${descriptor.size} bytes, more than the ${maxBytes} that are read`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of source.blob(descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Throws denied DIGEST_MISMATCH unless the bytes have the digest. */
export function verifyBytes(bytes: Uint8Array, digest: string, what: string): void {
  const actual = sha256Digest(bytes);
  if (actual !== digest) throw mismatch(what, { digest }, `its content has the digest ${actual}`);
}

function mismatch(what: string, descriptor: Pick<Descriptor, 'digest'>, found: string): Error {
  return deniedError('DIGEST_MISMATCH', `${what} is not what ${descriptor.digest} names: ${found}`, {
    hint: 'the content was changed or damaged on its way or in the store; do not use it',
  });
}
