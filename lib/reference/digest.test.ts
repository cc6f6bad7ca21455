// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { digestHex, isDigest, sha256Digest } from './digest.ts';

// SHA-256 of the empty string and of "abc" (FIPS 180-4, examples).
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('digest', () => {
  it.each([
    ['', EMPTY],
    ['abc', ABC],
    [Buffer.from('abc'), ABC],
    [new Uint8Array([0x61, 0x62, 0x63]), ABC],
  ])('of %o', (bytes, hex) => {
    const digest = sha256Digest(bytes);
    expect(digest).toBe(`sha256:${hex}`);
    expect(isDigest(digest)).toBe(true);
    expect(digestHex(digest)).toBe(hex);
  });

  it.each([
    '',
    ABC,
    `sha256:${ABC.toUpperCase()}`,
    `SHA256:${ABC}`,
    `sha256:${ABC.slice(1)}`,
    `sha256:${ABC}0`,
    `sha256:${ABC.slice(1)}g`,
    `sha512:${ABC}${ABC}`,
    ` sha256:${ABC}`,
    `sha256:${ABC}\n`,
    `x\nsha256:${ABC}`,
  ])('is not %j', (text) => {
    expect(isDigest(text)).toBe(false);
  });
});
