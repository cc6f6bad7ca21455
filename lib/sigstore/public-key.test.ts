// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashAlgorithm, keyFingerprint, parsePublicKey, publicKeyHint, spkiDer } from './public-key.ts';
import { COSIGN_KEY, newSigningKey } from './test-keys.ts';

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }).toString();
}

const SUPPORTED: [string, KeyObject, string | null][] = [
  ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, 'sha256'],
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey, 'sha384'],
  ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey, 'sha512'],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey, 'sha256'],
  ['Ed25519', generateKeyPairSync('ed25519').publicKey, null],
];
const UNSUPPORTED: [string, KeyObject][] = [
  ['ec secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
  ['ed448', generateKeyPairSync('ed448').publicKey],
  ['rsa 1024', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey],
  ['rsa-pss 2048', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey],
];

describe('parsePublicKey', () => {
  it.each([
    ['as cosign writes it', COSIGN_KEY.publicPem],
    ['with text around it and Windows line ends', `# release key\n${COSIGN_KEY.publicPem}\n`.replaceAll('\n', '\r\n')],
  ])('reads a key %s', (_how, pem) => {
    const key = parsePublicKey(pem, 'cosign.pub');
    expect(pemOf(key)).toBe(COSIGN_KEY.publicPem);
    expect(hashAlgorithm(key, 'it')).toBe('sha256');
  });

  it.each(SUPPORTED)('reads a key of type %s', (_type, key, hash) => {
    expect(hashAlgorithm(parsePublicKey(pemOf(key), 'it'), 'it')).toBe(hash);
  });

  it.each(UNSUPPORTED)('refuses a key of type %s', (type, key) => {
    expect(() => parsePublicKey(pemOf(key), 'key b')).toThrowError(
      expect.objectContaining({ kind: 'input', code: 'KEY_UNSUPPORTED', message: expect.stringContaining(`key b is a key of type ${type};`) }),
    );
  });

  it.each([
    ['nothing', ''],
    ['other text', 'ssh-ed25519 AAAA'],
    ['a private key', pemOf(newSigningKey('x').privateKey)],
    ['an encrypted private key', COSIGN_KEY.privatePem],
    ['a key cut short', COSIGN_KEY.publicPem.slice(0, 100)],
    ['a body that is no key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    ['a huge file', COSIGN_KEY.publicPem + ' '.repeat(64 * 1024)],
  ])('refuses %s', (_what, pem) => {
    expect(() => parsePublicKey(pem, 'key b')).toThrowError(
      expect.objectContaining({ kind: 'input', code: 'KEY_INVALID', message: 'key b is not a public key in PEM form', hint: 'give the file cosign.pub' }),
    );
  });
});

describe('names of a key', () => {
  const key = parsePublicKey(COSIGN_KEY.publicPem, 'cosign.pub');

  it('are the SHA-256 of its SubjectPublicKeyInfo, the hint as cosign writes it', () => {
    expect(publicKeyHint(key)).toBe(COSIGN_KEY.hint);
    expect(keyFingerprint(key)).toBe(`sha256:${Buffer.from(COSIGN_KEY.hint, 'base64').toString('hex')}`);
    expect(spkiDer(key).toString('base64')).toBe(COSIGN_KEY.publicPem.split('\n').slice(1, -2).join(''));
  });

  it('differ between keys', () => {
    const other = newSigningKey('other').key;
    expect(publicKeyHint(other)).not.toBe(COSIGN_KEY.hint);
    expect(keyFingerprint(other)).not.toBe(keyFingerprint(key));
  });
});
