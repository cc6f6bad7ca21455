// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { blowfishState, encipher, expandKey, nextWord } from './blowfish.ts';

const BLOCK = 32;
const WORDS = BLOCK / 4;
const EXPANSIONS = 64;
const MAGIC = Buffer.from('OxychromaticBlowfishSwatDynamite');

/** bcrypt_pbkdf as OpenBSD and OpenSSH define it (lib/libutil/bcrypt_pbkdf.c): `length` bytes from password and salt. A round costs about 10 ms. */
export function bcryptPbkdf(password: Uint8Array, salt: Uint8Array, rounds: number, length: number): Buffer {
  const passwordHash = sha512(password);
  const blocks = Math.ceil(length / BLOCK);
  const key = Buffer.alloc(length);
  for (let block = 0; block < blocks; block += 1) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(block + 1);
    let part = bcryptHash(passwordHash, sha512(Buffer.concat([salt, number])));
    const sum = Buffer.from(part);
    for (let round = 1; round < rounds; round += 1) {
      part = bcryptHash(passwordHash, sha512(part));
      for (let i = 0; i < BLOCK; i += 1) sum[i] = (sum[i] ?? 0) ^ (part[i] ?? 0);
    }
    // The blocks do not stand one after the other: each gives every n-th byte.
    for (let i = 0; i * blocks + block < length; i += 1) key[i * blocks + block] = sum[i] ?? 0;
  }
  return key;
}

function bcryptHash(password: Buffer, salt: Buffer): Buffer {
  const state = blowfishState();
  expandKey(state, password, salt);
  for (let i = 0; i < EXPANSIONS; i += 1) {
    expandKey(state, salt);
    expandKey(state, password);
  }
  const cursor = { at: 0 };
  const words = Int32Array.from({ length: WORDS }, () => nextWord(MAGIC, cursor));
  for (let i = 0; i < EXPANSIONS; i += 1) for (let at = 0; at < WORDS; at += 2) encipher(state, words, at);
  const hash = Buffer.alloc(BLOCK);
  for (const [index, word] of words.entries()) hash.writeInt32LE(word, index * 4);
  return hash;
}

function sha512(bytes: Uint8Array): Buffer {
  return createHash('sha512').update(bytes).digest();
}
