// SPDX-License-Identifier: Apache-2.0

import type { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import { describe, expect, it } from 'vitest';
import type { DsseBundle } from './bundle.ts';
import { trustedLogKey } from './checkpoint.ts';
import { newSigningKey } from './test-keys.ts';
import { altered, flippedBase64 } from './test-log.ts';
import { KEY, otherKind, recordedBundle, stackTrust } from './test-real-stack.ts';
import { checkV1Entry, isV1Entry, type V1Proof } from './v1-entry.ts';

const log = stackTrust().tlogs.find(({ baseURL }) => baseURL.endsWith(':3000'));
if (!log) throw new Error('the trusted root names no Rekor v1');
const logKey = trustedLogKey(log);

function entryOf({ logEntries: [entry] }: DsseBundle): TransparencyLogEntry {
  if (!entry) throw new Error('there is no entry');
  return entry;
}

function check(bundle: DsseBundle, signer = KEY, key = logKey): V1Proof {
  return checkV1Entry(entryOf(bundle), bundle, signer, key);
}

describe('an entry of Rekor v1', () => {
  it('of kind dsse is proved, with the time that the log promised', () => {
    const { checkpoint, index, integratedTime } = check(recordedBundle('keyV1'));
    expect(checkpoint?.origin).toMatch(/^\d+\.\d+\.\d+\.\d+ - \d+$/);
    expect(index).toBeLessThan(checkpoint?.size ?? 0);
    expect(integratedTime).toBeInstanceOf(Date);
  });

  it.each(['intoto', 'hashedrekord'] as const)('of kind %s is proved', (kind) => {
    const { bundle, signer } = otherKind(kind);
    expect(check(bundle, signer)).toMatchObject({ index: expect.any(Number), integratedTime: expect.any(Date) });
  });

  it('without a promise proves its place in the tree and no time', () => {
    const bundle = recordedBundle('keyV1', ({ verificationMaterial: { tlogEntries } }) => {
      delete tlogEntries[0].inclusionPromise;
      tlogEntries[0].logIndex = '999';
    });
    expect(check(bundle)).toMatchObject({ index: Number(entryOf(bundle).inclusionProof?.logIndex), integratedTime: undefined });
  });

  it.each([
    ['the dsse of Rekor v1', () => recordedBundle('keyV1'), true],
    ['the hashedrekord of Rekor v2', () => recordedBundle('keyV2'), false],
    ['one that is called like a method', () => renamed('constructor'), false],
    ['one that nobody knows', () => renamed('rpm'), false],
  ])('%s: %s', (_what, bundle, expected) => {
    expect(isV1Entry(entryOf(bundle()))).toBe(expected);
  });

  function renamed(kind: string): DsseBundle {
    return recordedBundle('keyV1', ({ verificationMaterial: { tlogEntries } }) => Object.assign(tlogEntries[0].kindVersion, { kind }));
  }
});

describe('is refused', () => {
  it.each([
    ['another key than the one that it names', () => check(recordedBundle('keyV1'), newSigningKey('other'))],
    ['a certificate in place of the key', () => check(recordedBundle('keyV1'), { ...KEY, certificate: Buffer.from('x') } as never)],
    ['a key in place of the certificate', () => check(recordedBundle('keylessV1'), KEY)],
    ['intoto of another key', () => check(otherKind('intoto').bundle, KEY)],
    ['hashedrekord of another key', () => check(otherKind('hashedrekord').bundle, KEY)],
  ])('%s', (_what, run) => {
    expect(run).toThrowError(/names another key than the one that signed/);
  });

  it.each(['intoto', 'hashedrekord'] as const)('%s with other content, another signature, another kind or another time', (kind) => {
    const { bundle, signer } = otherKind(kind);
    // biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
    const refused = (change: (json: any) => void): void => expect(() => check(altered(bundle, change), signer)).toThrowError();
    refused(({ dsseEnvelope }) => Object.assign(dsseEnvelope, { payload: flippedBase64(dsseEnvelope.payload) }));
    refused(({ dsseEnvelope }) => Object.assign(dsseEnvelope.signatures[0], { sig: flippedBase64(dsseEnvelope.signatures[0].sig) }));
    refused(({ verificationMaterial: { tlogEntries } }) => Object.assign(tlogEntries[0].kindVersion, { kind: 'dsse', version: '0.0.1' }));
    refused(({ verificationMaterial: { tlogEntries } }) => Object.assign(tlogEntries[0], { integratedTime: '1' }));
    refused(({ verificationMaterial: { tlogEntries } }) => Object.assign(tlogEntries[0], { integratedTime: '0' }));
    refused(({ verificationMaterial: { tlogEntries } }) => Object.assign(tlogEntries[0], { logIndex: '0' }));
    refused(({ verificationMaterial: { tlogEntries } }) => Object.assign(tlogEntries[0].inclusionPromise, { signedEntryTimestamp: 'AAAA' }));
    refused(({ verificationMaterial: { tlogEntries } }) => Object.assign(tlogEntries[0].inclusionProof, { hashes: [] }));
  });

  it.each([
    ['a tree whose name is no number', (text: string) => text.replace(/^(\S+) - \d+/, '$1 - x')],
    ['a host with the name in it', (text: string) => `evil-${text}`],
    ['the tree of another log', (text: string) => text.replace(/^\S+/, 'rekor.example.com')],
  ])('a checkpoint of %s', (_what, change) => {
    const bundle = recordedBundle('keyV1', ({ verificationMaterial: { tlogEntries } }) => {
      const { checkpoint } = tlogEntries[0].inclusionProof;
      checkpoint.envelope = change(checkpoint.envelope);
    });
    expect(() => check(bundle)).toThrowError(expect.objectContaining({ code: 'CHECKPOINT_UNTRUSTED' }));
  });

  it('a promise in place of a proof, in a bundle of a version that has proofs', () => {
    const bundle = recordedBundle('keyV1');
    const entry = { ...entryOf(bundle), inclusionProof: undefined };
    expect(entry.inclusionPromise).toBeDefined();
    expect(() => checkV1Entry(entry, bundle, KEY, logKey)).toThrowError(/holds no inclusion proof/);
  });

  it('the checkpoint of a log with another key, or of another name', () => {
    expect(() => check(recordedBundle('keyV1'), KEY, { ...logKey, publicKey: newSigningKey('log').key })).toThrowError(/no signature by the trusted key/);
    expect(() => check(recordedBundle('keyV1'), KEY, { ...logKey, origin: 'rekor.example.com' })).toThrowError(/not of the trusted/);
  });
});
