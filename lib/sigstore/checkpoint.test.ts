// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkpointKeyId, parseCheckpoint, signCheckpoint, trustedLogKey, verifyCheckpoint } from './checkpoint.ts';

const origin = 'log.example.com';
const tree = { size: 1234, root: createHash('sha256').update('root').digest() };
const ed25519 = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const head = `${origin}\n1234\n${tree.root.toString('base64')}\n`;

function line(name: string, keyId: Buffer, signature: Buffer): string {
  return `\u2014 ${name} ${Buffer.concat([keyId.subarray(0, 4), signature]).toString('base64')}\n`;
}

function ownLine(text: string, privateKey: KeyObject = ed25519.privateKey): string {
  return line(origin, checkpointKeyId({ origin, publicKey: createPublicKey(privateKey) }), sign(null, Buffer.from(text), privateKey));
}

const otherHead = head.replace(origin, 'other.example.com');
const foreignOrigin = `${otherHead}\n${ownLine(otherHead)}`;
const trusted = { origin, publicKey: ed25519.publicKey };
const witness = line('witness.example.com', Buffer.from('abcd'), Buffer.alloc(72, 7));

describe('key id', () => {
  it('of the public Rekor v2 log of 2025 is the one in the sigstore trusted root', () => {
    const spki = Buffer.from('MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=', 'base64');
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    expect(checkpointKeyId({ origin: 'log2025-1.rekor.sigstore.dev', publicKey }).toString('base64')).toBe('zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=');
  });

  it('of an ECDSA key is the SHA-256 of its SPKI, whatever the origin', () => {
    const expected = createHash('sha256')
      .update(p256.publicKey.export({ format: 'der', type: 'spki' }))
      .digest();
    expect(checkpointKeyId({ origin: 'a', publicKey: p256.publicKey })).toEqual(expected);
  });

  it('refuses a key that no log signs with', () => {
    const { publicKey } = generateKeyPairSync('x25519');
    expect(() => checkpointKeyId({ origin, publicKey })).toThrow(expect.objectContaining({ code: 'LOG_KEY_UNSUPPORTED' }));
  });
});

describe('trusted log', () => {
  it.each([
    ['https://log2025-1.rekor.sigstore.dev', 'log2025-1.rekor.sigstore.dev'],
    ['http://127.0.0.1:3003/path/', '127.0.0.1'],
    ['http://[::1]:3003', '::1'],
  ])('at %s signs as %s', (baseURL, name) => {
    expect(trustedLogKey({ baseURL, publicKey: ed25519.publicKey }).origin).toBe(name);
  });

  it('without a URL is refused', () => {
    expect(() => trustedLogKey({ baseURL: 'rekor', publicKey: ed25519.publicKey })).toThrow(expect.objectContaining({ code: 'LOG_URL_INVALID' }));
  });
});

describe('sign and verify', () => {
  it.each([
    ['Ed25519', ed25519],
    ['ECDSA P-256', p256],
    ['RSA', rsa],
  ])('agree for %s', (_name, { privateKey, publicKey }) => {
    const envelope = signCheckpoint(tree, origin, privateKey);
    expect(verifyCheckpoint(envelope, { origin, publicKey })).toMatchObject({ ...tree, origin, extensions: [] });
  });

  it('takes a checkpoint with extension lines and signatures of witnesses before and behind', () => {
    const text = `${head}Timestamp: 1700000000\nother extension\n`;
    const checkpoint = verifyCheckpoint(`${text}\n${witness}${ownLine(text)}${witness}`, trusted);
    expect(checkpoint.extensions).toEqual(['Timestamp: 1700000000', 'other extension']);
    expect(checkpoint.signatures.map(({ name }) => name)).toEqual(['witness.example.com', origin, 'witness.example.com']);
  });

  it.each([
    ['another key', signCheckpoint(tree, origin, generateKeyPairSync('ed25519').privateKey)],
    ['another origin', signCheckpoint(tree, 'other.example.com', ed25519.privateKey)],
    ['another origin under the name of the log', foreignOrigin],
    ['another size', signCheckpoint(tree, origin, ed25519.privateKey).replace('1234', '1235')],
    ['an added extension', signCheckpoint(tree, origin, ed25519.privateKey).replace('\n\n', '\nmore\n\n')],
    ['witnesses only', `${head}\n${witness}`],
    ['the key id of the log but a foreign signature', `${head}\n${line(origin, checkpointKeyId(trusted), Buffer.alloc(64))}`],
    ['one good and one bad line of the same key', `${head}\n${ownLine(head)}${line(origin, checkpointKeyId(trusted), Buffer.alloc(64))}`],
    ['the right signature under another name', `${head}\n${ownLine(head).replace(origin, 'log.example.org')}`],
  ])('do not trust %s', (_name, envelope) => {
    expect(() => verifyCheckpoint(envelope, trusted)).toThrow(expect.objectContaining({ kind: 'denied', code: 'CHECKPOINT_UNTRUSTED' }));
  });

  it.each(['', 'two words', 'a+b', 'line\nbreak', 'tab\t'])('refuse to sign as %j', (name) => {
    expect(() => signCheckpoint(tree, name, ed25519.privateKey)).toThrow(expect.objectContaining({ code: 'LOG_ORIGIN_INVALID' }));
  });
});

describe('parse', () => {
  const root64 = tree.root.toString('base64');
  it.each([
    ['nothing', ''],
    ['no blank line', `${head}${witness}`],
    ['no signature', `${head}\n`],
    ['text without end', `${head}\n${witness.trimEnd()}`],
    ['no origin', `\n12\n${root64}\n\n${witness}`],
    ['size with leading zero', `${origin}\n012\n${root64}\n\n${witness}`],
    ['negative size', `${origin}\n-1\n${root64}\n\n${witness}`],
    ['size in hex', `${origin}\n0x10\n${root64}\n\n${witness}`],
    ['size of 2^53', `${origin}\n9007199254740992\n${root64}\n\n${witness}`],
    ['short root', `${origin}\n12\n${Buffer.alloc(31).toString('base64')}\n\n${witness}`],
    ['root in base64url without padding', `${origin}\n12\n${Buffer.alloc(32, 0xff).toString('base64url')}\n\n${witness}`],
    ['blank line inside the text', `${head}\nmore\n\n${witness}`],
    ['carriage return', `${head.replace('\n', '\r\n')}\n${witness}`],
    ['NUL', `${head.replace('log', 'l\u0000g')}\n${witness}`],
    ['lone surrogate', `${head.replace('log', 'l\ud800g')}\n${witness}`],
    ['hyphen for the em dash', `${head}\n${witness.replace('\u2014', '-')}`],
    ['signature of four bytes', `${head}\n\u2014 ${origin} ${Buffer.alloc(4).toString('base64')}\n`],
    ['101 signatures', `${head}\n${witness.repeat(101)}`],
    ['more than 64 KiB', `${head}${'x'.repeat(66_000)}\n\n${witness}`],
  ])('refuses %s', (_name, envelope) => {
    expect(() => parseCheckpoint(envelope)).toThrow(expect.objectContaining({ kind: 'denied', code: 'CHECKPOINT_MALFORMED' }));
  });
});
