// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../lib/log/log.ts';
import { checkpointKeyId, verifyCheckpoint } from '../../../lib/sigstore/checkpoint.ts';
import { hashedRekordBody, hashedRekordRequest, keyDetailsOf, type SignedDigest } from '../../../lib/sigstore/hashedrekord.ts';
import type { LogEntry } from '../../../lib/sigstore/log-entry.ts';
import { leafHash, verifyInclusion } from '../../../lib/sigstore/merkle.ts';
import { type RunningLog, startLog } from './server.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });

let dir: string;
let log: RunningLog;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-'));
  log = await startLog({ dir, host: '127.0.0.1', port: 0, log: silentLogger, now: () => new Date('2026-01-02T03:04:05Z') });
});
afterAll(async () => {
  await log.close();
  await rm(dir, { recursive: true });
});

function signedOf(message: string, pair: { publicKey: KeyObject; privateKey: KeyObject } = p256): SignedDigest {
  const keyDetails = keyDetailsOf(pair.publicKey);
  const digest = createHash(keyDetails.hash).update(message).digest();
  const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' });
  return { digest, signature: sign(keyDetails.hash, Buffer.from(message), pair.privateKey), keyDetails, verifier: { publicKey } };
}

function post(body: Buffer | string): Promise<Response> {
  return fetch(`${log.url}/api/v2/log/entries`, { method: 'POST', body });
}

async function get(path: string): Promise<Response> {
  return fetch(`${log.url}/api/v2/${path}`);
}

describe('POST /api/v2/log/entries', () => {
  it.each([
    ['P-256', p256],
    ['P-384', p384],
    ['RSA 2048', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ])('answers an entry of a %s key as Rekor v2 does', async (name, pair) => {
    const signed = signedOf(`an entry of ${name}`, pair);
    const response = await post(hashedRekordRequest(signed));
    expect(response.status).toBe(201);
    const entry = (await response.json()) as LogEntry;
    const body = Buffer.from(entry.canonicalizedBody, 'base64');
    expect(body).toEqual(hashedRekordBody(signed));
    expect(entry).toMatchObject({ kindVersion: { kind: 'hashedrekord', version: '0.0.2' }, integratedTime: '0', inclusionPromise: null });
    const trusted = { origin: '127.0.0.1', publicKey: createPublicKey(log.publicKeyPem) };
    expect(entry.logId.keyId).toBe(checkpointKeyId(trusted).toString('base64'));
    const checkpoint = verifyCheckpoint(entry.inclusionProof.checkpoint.envelope, trusted);
    expect(entry.inclusionProof).toMatchObject({ logIndex: entry.logIndex, treeSize: String(checkpoint.size), rootHash: checkpoint.root.toString('base64') });
    const proof = entry.inclusionProof.hashes.map((hash) => Buffer.from(hash, 'base64'));
    expect(verifyInclusion({ hash: leafHash(body), index: Number(entry.logIndex) }, checkpoint, proof)).toBe(true);
  });

  it('answers 409 with the index of the first for an equal entry, also for two at the same time', async () => {
    const request = hashedRekordRequest(signedOf('twice'));
    const answers = await Promise.all([post(request), post(request), post(request)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const first = (await answers.find(({ status }) => status === 201)?.json()) as LogEntry;
    const again = await post(request);
    expect(again.status).toBe(409);
    expect(again.headers.get('x-log-index')).toBe(first.logIndex);
    expect(await again.json()).toMatchObject({ code: 6, message: expect.stringContaining(`index ${first.logIndex}`) });
  });

  const good = signedOf('refused');
  const spec = (
    change: (json: { hashedRekordRequestV002: Record<string, unknown> & { signature: { content: string; verifier: Record<string, unknown> } } }) => void,
  ) => {
    const json = JSON.parse(hashedRekordRequest(good).toString());
    change(json);
    return JSON.stringify(json);
  };
  it.each([
    ['text', 'hello', 'request is not JSON'],
    ['an empty object', '{}', 'invalid type, must be hashedrekord'],
    ['a dsse request', '{"dsseRequestV002":{"envelope":{}}}', 'invalid type, must be hashedrekord'],
    ['an unknown field', '{"hashedRekordRequestV002":null,"more":1}', 'invalid hashedrekord request'],
    ['a signature of another digest', hashedRekordRequest({ ...good, digest: Buffer.alloc(32) }), 'signature does not verify'],
    [
      'a signature of another key',
      hashedRekordRequest({ ...good, verifier: signedOf('x', generateKeyPairSync('ec', { namedCurve: 'P-256' })).verifier }),
      'signature does not verify',
    ],
    ['a digest of another hash', hashedRekordRequest({ ...good, digest: Buffer.alloc(48) }), 'digest length (48) does not match SHA2_256'],
    ['key details of another key', hashedRekordRequest({ ...good, keyDetails: keyDetailsOf(p384.publicKey) }), 'key is not one of PKIX_ECDSA_P384_SHA_384'],
    [
      'unknown key details',
      spec((json) => Object.assign(json.hashedRekordRequestV002.signature.verifier, { keyDetails: 'ML_DSA_65' })),
      'unsupported key details ML_DSA_65',
    ],
    ['pure Ed25519', spec((json) => Object.assign(json.hashedRekordRequestV002.signature.verifier, { keyDetails: 'PKIX_ED25519' })), 'unsupported key details'],
    ['a key that is no key', hashedRekordRequest({ ...good, verifier: { publicKey: Buffer.from('pem') } }), 'public key or certificate is not DER'],
    ['a certificate that is none', hashedRekordRequest({ ...good, verifier: { x509Certificate: Buffer.from('pem') } }), 'public key or certificate is not DER'],
    ['neither key nor certificate', spec((json) => delete json.hashedRekordRequestV002.signature.verifier['publicKey']), 'must contain either'],
    ['a digest that is not base64', spec((json) => Object.assign(json.hashedRekordRequestV002, { digest: '***' })), 'is not base64'],
    ['no signature', spec((json) => Object.assign(json.hashedRekordRequestV002.signature, { content: '' })), 'invalid hashedrekord request'],
  ])('refuses %s', async (_name, body, message) => {
    const before = (await (await get('checkpoint')).text()).split('\n')[1];
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 3, message: expect.stringContaining(message) });
    expect((await (await get('checkpoint')).text()).split('\n')[1]).toBe(before);
  });

  it('refuses more than 4 MiB', async () => {
    expect((await post(Buffer.alloc(4 * 1024 * 1024 + 1))).status).toBe(413);
  });
});

describe('GET', () => {
  it('serves hash tiles and entry bundles of the published tree in every width it has', async () => {
    const size = Number((await (await get('checkpoint')).text()).split('\n')[1]);
    const hashes = Buffer.from(await (await get(`tile/0/000.p/${size}`)).arrayBuffer());
    const bundle = Buffer.from(await (await get(`tile/entries/000.p/${size}`)).arrayBuffer());
    expect(hashes.length).toBe(32 * size);
    const entries: Buffer[] = [];
    for (let offset = 0; offset < bundle.length; offset += 2 + bundle.readUInt16BE(offset))
      entries.push(bundle.subarray(offset + 2, offset + 2 + bundle.readUInt16BE(offset)));
    expect(Buffer.concat(entries.map(leafHash))).toEqual(hashes);
    expect(Buffer.from(await (await get('tile/0/000.p/1')).arrayBuffer())).toEqual(hashes.subarray(0, 32));
  });

  it.each([
    'tile/0/000',
    'tile/0/000.p/255',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/001.p/1',
    'tile/1/000.p/1',
    'tile/00/000.p/1',
    'tile/0/x000/000.p/1',
    'tile/0/0.p/1',
    'tile/0/..%2f..%2fkey.pem',
    'tile/../../../key.pem',
    'tile/entries/001.p/1',
    'log/entries/0',
    'nothing',
  ])('answers 404 for %s', async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  it.each([
    ['GET', 'log/entries'],
    ['POST', 'checkpoint'],
    ['DELETE', 'tile/0/000.p/1'],
  ])('answers 405 for %s %s', async (method, path) => {
    expect((await fetch(`${log.url}/api/v2/${path}`, { method })).status).toBe(405);
  });
});

describe('identity', () => {
  it('keeps the private key from others', async () => {
    expect((await stat(join(dir, 'key.pem'))).mode & 0o777).toBe(0o600);
  });

  it('is a log of a trusted root', () => {
    expect(log.trustedLog).toMatchObject({
      baseUrl: log.url,
      hashAlgorithm: 'SHA2_256',
      publicKey: { keyDetails: 'PKIX_ED25519', validFor: { start: '2026-01-02T03:04:05.000Z' } },
    });
    expect(log.trustedLog.logId).toEqual(log.trustedLog.checkpointKeyId);
  });

  it('does not start on a port in use', async () => {
    const other = await mkdtemp(join(tmpdir(), 'log-'));
    await expect(startLog({ dir: other, host: '127.0.0.1', port: log.port, log: silentLogger })).rejects.toMatchObject({
      kind: 'refused',
      code: 'LOG_PORT_UNAVAILABLE',
    });
    await rm(other, { recursive: true });
  });
});
