// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkpointKeyId, parseCheckpoint, signCheckpoint } from './checkpoint.ts';
import { checkLogEntry, makeLogEntry, parseLogEntry } from './log-entry.ts';
import { leafHash } from './merkle.ts';

const origin = 'log.example.com';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = { origin, publicKey };
const body = Buffer.from('{"kind":"hashedrekord"}');
const checkpoint = parseCheckpoint(signCheckpoint({ size: 1, root: leafHash(body) }, origin, privateKey));
const entry = makeLogEntry({ body, index: 0, proof: [], checkpoint, keyId: checkpointKeyId(key) });
const parse = (json: unknown) => parseLogEntry(Buffer.from(JSON.stringify(json)), origin);

describe('answer', () => {
  it('is read as the entry a bundle holds, without what Rekor v2 leaves empty', () => {
    expect(parse({ ...entry, inclusionPromise: null })).toEqual(entry);
  });

  it('is read from a server that leaves out zeros and empty lists', () => {
    const { logIndex: _index, integratedTime: _time, ...rest } = entry;
    const { logIndex: _proofIndex, hashes: _hashes, ...proof } = entry.inclusionProof;
    expect(parse({ ...rest, inclusionProof: proof })).toEqual(entry);
  });

  it.each([
    ['base64url', { canonicalizedBody: '_-8' }],
    ['a number instead of a string', { logIndex: 0 }],
    ['a leading zero', { logIndex: '00' }],
    ['a log id of another length', { logId: { keyId: 'AAAA' } }],
    ['a checkpoint of more than 64 KiB', { inclusionProof: { ...entry.inclusionProof, checkpoint: { envelope: 'x'.repeat(65_537) } } }],
  ])('with %s is denied', (_name, change) => {
    expect(() => parse({ ...entry, ...change })).toThrow(expect.objectContaining({ kind: 'denied', code: 'REKOR_ANSWER_INVALID' }));
  });

  it('that is no JSON at all is denied with the name of the log and nothing of the answer', () => {
    expect(() => parseLogEntry(Buffer.from('<html>secret'), origin)).toThrow(`answer of the log ${origin} is no JSON`);
  });
});

describe('check', () => {
  it('gives the checkpoint of the first entry of a log', () => {
    expect(checkLogEntry(entry, body, { name: origin, key })).toEqual(checkpoint);
  });

  it('denies a key of the same origin that did not sign', () => {
    const other = { origin, publicKey: generateKeyPairSync('ed25519').publicKey };
    expect(() => checkLogEntry(entry, body, { name: origin, key: other })).toThrow(expect.objectContaining({ code: 'CHECKPOINT_UNTRUSTED' }));
  });

  it('denies the entry for another body', () => {
    expect(() => checkLogEntry(entry, Buffer.from('{}'), { name: origin, key })).toThrow(expect.objectContaining({ code: 'REKOR_ENTRY_FOREIGN' }));
  });
});
