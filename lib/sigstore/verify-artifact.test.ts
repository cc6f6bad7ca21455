// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { IN_TOTO_PAYLOAD_TYPE, preAuthenticationEncoding } from '../intoto/dsse.ts';
import { encodeStatement } from '../intoto/statement.ts';
import type { Artifact } from './artifact-bundle.ts';
import { checkpointKeyId, signCheckpoint } from './checkpoint.ts';
import { dsseV2Body, keyDetailsOf } from './hashedrekord.ts';
import { leafHash } from './merkle.ts';
import { hashAlgorithm, spkiDer } from './public-key.ts';
import { lyingLog, trustedRootJson } from './test-log.ts';
import { parseTrustedRoot, type Trust } from './trusted-root.ts';
import { verifyArtifactBundle } from './verify-artifact.ts';

const BYTES = Buffer.from('an artifact');
const SHA256 = createHash('sha256').update(BYTES).digest();
const NOBODY = parseTrustedRoot(trustedRootJson());
const KEYS = {
  'ECDSA P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ECDSA P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'ECDSA P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  'RSA 2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  Ed25519: () => generateKeyPairSync('ed25519'),
} as const;
type Pair = { privateKey: KeyObject; publicKey: KeyObject };

function messageJson({ privateKey, publicKey }: Pair, tlogEntries: unknown[] = []): object {
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' }, tlogEntries },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: SHA256.toString('base64') },
      signature: sign(hashAlgorithm(publicKey, 'the key'), BYTES, privateKey).toString('base64'),
    },
  };
}

function code(json: object, artifact: Artifact, { publicKey }: Pair, trust: Trust = NOBODY): string {
  try {
    const { log } = verifyArtifactBundle(Buffer.from(JSON.stringify(json)), artifact, { key: { name: 'k', key: publicKey } }, trust, 'it');
    return 'entry' in log ? `logged by ${log.entry.origin}` : 'verified';
  } catch (error) {
    return `${(error as { code?: string }).code}`;
  }
}

describe('a signature over the artifact itself', () => {
  it.each(Object.entries(KEYS))('by %s is verified with the file', (_name, newPair) => {
    const pair = newPair();
    expect(code(messageJson(pair), { bytes: BYTES }, pair)).toBe('verified');
    expect(code(messageJson(pair), { bytes: Buffer.from('another') }, pair)).toBe('SUBJECT_MISMATCH');
    expect(code(messageJson(newPair()), { bytes: BYTES }, pair)).toBe('SIGNATURE_UNKNOWN');
  });

  it.each([
    ['ECDSA P-256', 'verified'],
    ['RSA 2048', 'verified'],
    ['ECDSA P-384', 'ARTIFACT_NEEDED'],
    ['ECDSA P-521', 'ARTIFACT_NEEDED'],
    ['Ed25519', 'ARTIFACT_NEEDED'],
  ] as const)('by %s with the digest alone: %s', (name, expected) => {
    const pair = KEYS[name]();
    expect(code(messageJson(pair), { sha256: SHA256 }, pair)).toBe(expected);
    if (expected === 'verified') expect(code(messageJson(KEYS[name]()), { sha256: SHA256 }, pair)).toBe('SIGNATURE_UNKNOWN');
  });
});

/** A log of Rekor v1 with one entry, which it signs without a look. */
function v1Log(baseUrl: string, origin: string): { trust: Trust; entry(kind: string, version: string, body: object): object } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyId = checkpointKeyId({ origin, publicKey }).toString('base64');
  const key = { rawBytes: spkiDer(publicKey).toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: { start: '2020-01-01T00:00:00Z' } };
  return {
    trust: parseTrustedRoot(trustedRootJson({ baseUrl, hashAlgorithm: 'SHA2_256', publicKey: key, logId: { keyId } })),
    entry(kind, version, spec) {
      const body = Buffer.from(JSON.stringify({ apiVersion: version, kind, spec }));
      const root = leafHash(body);
      const envelope = signCheckpoint({ size: 1, root }, origin, privateKey);
      const inclusionProof = { logIndex: '0', rootHash: root.toString('base64'), treeSize: '1', hashes: [], checkpoint: { envelope } };
      return {
        logIndex: '0',
        logId: { keyId },
        kindVersion: { kind, version },
        integratedTime: '0',
        inclusionProof,
        canonicalizedBody: body.toString('base64'),
      };
    },
  };
}

function hashedRekord({ publicKey }: Pair, signature: string, algorithm: string): object {
  const pem = Buffer.from(publicKey.export({ format: 'pem', type: 'spki' })).toString('base64');
  const value = createHash(algorithm).update(BYTES).digest('hex');
  return { data: { hash: { algorithm, value } }, signature: { content: signature, publicKey: { content: pem } } };
}

describe('an entry of Rekor v1', () => {
  it.each([
    ['https://log.example.com', 'log.example.com', 'logged by log.example.com'],
    ['http://localhost:8000', 'localhost:8000', 'logged by localhost:8000'],
    ['http://localhost:8000', 'localhost', 'logged by localhost'],
    ['http://localhost:8000', 'localhost:8001', 'LOG_ENTRY_INVALID'],
    ['https://log.example.com', 'log.example.com:443', 'LOG_ENTRY_INVALID'],
  ])('of the log at %s under the name %s: %s', (baseUrl, origin, expected) => {
    const [pair, log] = [KEYS['ECDSA P-256'](), v1Log(baseUrl, origin)];
    const json = messageJson(pair) as { messageSignature: { signature: string }; verificationMaterial: { tlogEntries: unknown[] } };
    json.verificationMaterial.tlogEntries = [log.entry('hashedrekord', '0.0.1', hashedRekord(pair, json.messageSignature.signature, 'sha256'))];
    expect(code(json, { bytes: BYTES }, pair, log.trust)).toBe(expected);
  });

  it.each([
    ['ECDSA P-384', 'sha384', 'logged by log.example.com'],
    ['ECDSA P-384', 'sha256', 'LOG_ENTRY_INVALID'],
    ['ECDSA P-521', 'sha512', 'logged by log.example.com'],
    ['ECDSA P-256', 'sha512', 'LOG_ENTRY_INVALID'],
  ] as const)('about a message of %s by its %s: %s', (name, algorithm, expected) => {
    const [pair, log] = [KEYS[name](), v1Log('https://log.example.com', 'log.example.com')];
    const json = messageJson(pair) as { messageSignature: { signature: string }; verificationMaterial: { tlogEntries: unknown[] } };
    json.verificationMaterial.tlogEntries = [log.entry('hashedrekord', '0.0.1', hashedRekord(pair, json.messageSignature.signature, algorithm))];
    expect(code(json, { bytes: BYTES }, pair, log.trust)).toBe(expected);
  });
});

describe('an entry dsse 0.0.2 of Rekor v2', () => {
  const pair = KEYS['ECDSA P-256']();
  const payload = encodeStatement([{ sha256: SHA256.toString('hex') }], 'https://example.com/x', {});
  const signature = sign('sha256', preAuthenticationEncoding(IN_TOTO_PAYLOAD_TYPE, payload), pair.privateKey);

  function bundle(logged: { payload?: Buffer; signature?: Buffer; key?: KeyObject }): { json: object; trust: Trust } {
    const log = lyingLog();
    const key = logged.key ?? pair.publicKey;
    const payloadDigest = createHash('sha256')
      .update(logged.payload ?? payload)
      .digest();
    const body = dsseV2Body({ payloadDigest, signature: logged.signature ?? signature, keyDetails: keyDetailsOf(key), verifier: { publicKey: spkiDer(key) } });
    const entry = { ...log.entry(body), kindVersion: { kind: 'dsse', version: '0.0.2' } };
    const dsseEnvelope = { payload: payload.toString('base64'), payloadType: IN_TOTO_PAYLOAD_TYPE, signatures: [{ sig: signature.toString('base64') }] };
    const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    return { json: { mediaType, verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [entry] }, dsseEnvelope }, trust: log.trust };
  }

  it.each([
    ['that repeats payload, signature and key', {}, 'logged by liar.example.com'],
    ['about another payload', { payload: Buffer.from('{}') }, 'LOG_ENTRY_INVALID'],
    ['about another signature', { signature: Buffer.alloc(70) }, 'LOG_ENTRY_INVALID'],
    ['that names another key', { key: KEYS['ECDSA P-256']().publicKey }, 'LOG_ENTRY_INVALID'],
  ])('%s: %s', (_what, logged, expected) => {
    const { json, trust } = bundle(logged);
    expect(code(json, { sha256: SHA256 }, pair, trust)).toBe(expected);
    expect(code(json, { sha256: Buffer.alloc(32) }, pair, trust)).toBe('SUBJECT_MISMATCH');
  });
});
