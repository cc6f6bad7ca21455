// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttp } from '../../../lib/http/http.ts';
import { preAuthenticationEncoding } from '../../../lib/intoto/dsse.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { signCheckpoint, trustedLogKey } from '../../../lib/sigstore/checkpoint.ts';
import type { LogEntry } from '../../../lib/sigstore/log-entry.ts';
import { leafHash } from '../../../lib/sigstore/merkle.ts';
import { createRekor, type Rekor } from '../../../lib/sigstore/rekor.ts';
import type { TrustedLogJson } from './log-identity.ts';
import { type Fault, type RunningLog, startLog } from './server.ts';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const http = createHttp({ log: silentLogger, env: {}, retry: { attempts: 3, baseMs: 1, capMs: 5 } });

let dir: string;
let log: RunningLog;
let fault: Fault | undefined;
const start = (port = 0): Promise<RunningLog> =>
  startLog({
    dir,
    host: '127.0.0.1',
    port,
    log: silentLogger,
    faults: ({ method }) => {
      const once = method === 'POST' ? fault : undefined;
      if (once !== undefined) fault = undefined;
      return once;
    },
  });
const rekorOf = (running: RunningLog): Rekor =>
  createRekor({ http, url: running.url, logKey: trustedLogKey({ baseURL: running.url, publicKey: createPublicKey(running.publicKeyPem) }) });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-'));
  log = await start();
});
afterAll(async () => {
  http.close();
  await log.close();
  await rm(dir, { recursive: true });
});

type Signed = { payload: Buffer; signature: Buffer; digest: Buffer };

function signedStatement(name: string): Signed {
  const payload = Buffer.from(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject: [{ name, digest: { sha256: '00' } }] }));
  const encoded = preAuthenticationEncoding(PAYLOAD_TYPE, payload);
  return { payload, signature: sign('sha256', encoded, privateKey), digest: createHash('sha256').update(encoded).digest() };
}

function bundleJson({ payload, signature }: Signed, entry: LogEntry): Record<string, unknown> {
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: 'key' }, tlogEntries: [entry] },
    dsseEnvelope: { payload: payload.toString('base64'), payloadType: PAYLOAD_TYPE, signatures: [{ sig: signature.toString('base64') }] },
  };
}

/** What the reference verifier of sigstore-js says of the bundle, with this log as the only trusted one. */
function verifyWithSigstore(signed: Signed, entry: LogEntry, trusted: TrustedLogJson = log.trustedLog): void {
  const root = TrustedRoot.fromJSON({ mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1', tlogs: [trusted] });
  const material = toTrustMaterial(root, () => ({ publicKey, validFor: () => true }));
  const verifier = new Verifier(material, { tlogThreshold: 1, timestampThreshold: 0 });
  verifier.verify(toSignedEntity(bundleFromJSON(bundleJson(signed, entry))));
}

async function addUpTo(rekor: Rekor, size: number): Promise<void> {
  for (let left = size - (await rekor.checkpoint()).size; left > 0; left = size - (await rekor.checkpoint()).size) {
    await Promise.all(Array.from({ length: Math.min(left, 50) }, (_, i) => rekor.add({ ...signedStatement(`filler ${size} ${left} ${i}`), publicKey })));
  }
}

describe('@sigstore/verify', () => {
  it.each([0, 1, 5, 7, 300])('accepts the entry at index %i', async (index) => {
    const rekor = rekorOf(log);
    await addUpTo(rekor, index);
    const signed = signedStatement(`artifact ${index}`);
    const entry = await rekor.add({ ...signed, publicKey });
    expect(entry.logIndex).toBe(String(index));
    expect(() => verifyWithSigstore(signed, entry)).not.toThrow();
  });

  it('accepts entries of before and after a restart, and the log only grew', async () => {
    const before = signedStatement('before the restart');
    const entryBefore = await rekorOf(log).add({ ...before, publicKey });
    const head = await rekorOf(log).checkpoint();
    await log.close();
    log = await start(log.port);
    const rekor = rekorOf(log);
    const after = signedStatement('after the restart');
    const entryAfter = await rekor.add({ ...after, publicKey });
    expect(Number(entryAfter.logIndex)).toBe(Number(entryBefore.logIndex) + 1);
    verifyWithSigstore(before, entryBefore);
    verifyWithSigstore(after, entryAfter);
    await expect(rekor.proveConsistency({ from: head, to: await rekor.checkpoint() })).resolves.not.toHaveLength(0);
  });

  it('refuses a foreign checkpoint, a foreign log and the entry of another signature', async () => {
    const signed = signedStatement('foreign');
    const entry = await rekorOf(log).add({ ...signed, publicKey });
    const foreign = generateKeyPairSync('ed25519');
    const tree = { size: Number(entry.inclusionProof.treeSize), root: Buffer.from(entry.inclusionProof.rootHash, 'base64') };
    const checkpoint = { envelope: signCheckpoint(tree, '127.0.0.1', foreign.privateKey) };
    expect(() => verifyWithSigstore(signed, { ...entry, inclusionProof: { ...entry.inclusionProof, checkpoint } })).toThrow('checkpoint');
    const other = await mkdtemp(join(tmpdir(), 'log-'));
    const otherLog = await startLog({ dir: other, host: '127.0.0.1', port: 0, log: silentLogger });
    expect(() => verifyWithSigstore(signed, entry, otherLog.trustedLog)).toThrow('checkpoint');
    await otherLog.close();
    await rm(other, { recursive: true });
    expect(() => verifyWithSigstore(signedStatement('another'), entry)).toThrow('mismatch');
  });
});

describe('our client', () => {
  it.each([['cut-answer'], ['cut']] as const)('gets one entry after a lost answer (%s)', async (kind) => {
    const rekor = rekorOf(log);
    const { size } = await rekor.checkpoint();
    const signed = signedStatement(`lost by ${kind}`);
    fault = { kind };
    const entry = await rekor.add({ ...signed, publicKey });
    expect(entry.logIndex).toBe(String(size));
    expect((await rekor.checkpoint()).size).toBe(size + 1);
    verifyWithSigstore(signed, entry);
  });

  it('gets through a log that pushes back', async () => {
    fault = { kind: 'answer', status: 503, body: '{"code":14,"message":"reached max pushback; retry"}' };
    await expect(rekorOf(log).add({ ...signedStatement('pushed back'), publicKey })).resolves.toMatchObject({ kindVersion: { kind: 'hashedrekord' } });
  });

  it('proves from the tiles what the log answered', async () => {
    const rekor = rekorOf(log);
    const entry = await rekor.add({ ...signedStatement('proven'), publicKey });
    const checkpoint = await rekor.checkpoint();
    const proof = await rekor.proveInclusion({ leafHash: leafHash(Buffer.from(entry.canonicalizedBody, 'base64')), index: Number(entry.logIndex), checkpoint });
    expect(proof.map((hash) => hash.toString('base64'))).toEqual(entry.inclusionProof.hashes);
    await expect(rekor.proveInclusion({ leafHash: leafHash(Buffer.from('other')), index: 3, checkpoint })).rejects.toMatchObject({ code: 'ENTRY_NOT_LOGGED' });
  });

  it('does not take a signature of another digest for logged', async () => {
    const signed = { ...signedStatement('one'), digest: signedStatement('two').digest };
    await expect(rekorOf(log).add({ ...signed, publicKey })).rejects.toMatchObject({ kind: 'refused', code: 'REKOR_REFUSED' });
  });
});
