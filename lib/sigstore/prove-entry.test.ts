// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deniedError } from '../errors/errors.ts';
import { preAuthenticationEncoding } from '../intoto/dsse.ts';
import type { DsseBundle } from './bundle.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { hashedRekordBody, keyDetailsOf, type SignedDigest } from './hashedrekord.ts';
import { createEntryProver } from './prove-entry.ts';
import { spkiDer } from './public-key.ts';
import { createRekor } from './rekor.ts';
import { CERTIFICATE, newSigningKey } from './test-keys.ts';
import { altered, flippedBase64, loggedBundle, lyingLog, signedBundle, startTestLog, type TestLog, withAlteredEntry, withOnlyEntry } from './test-log.ts';

const release = newSigningKey('release');
let log: TestLog;
let bundle: DsseBundle;
let other: DsseBundle;
beforeAll(async () => {
  log = await startTestLog();
  other = await loggedBundle(log, release, 'b'.repeat(64));
  await loggedBundle(log, release, 'c'.repeat(64));
  bundle = await loggedBundle(log, release);
});
afterAll(() => log.close());

async function prove(of: DsseBundle, from: Pick<TestLog, 'rekor' | 'logKey'> = log): Promise<string> {
  return (await createEntryProver(from.rekor, from.logKey)).prove(of, 'referrer 7');
}

/** A log with the identity of ours and a history of its own. */
async function twin(): Promise<TestLog> {
  const dir = await mkdtemp(join(tmpdir(), 'twin-'));
  for (const file of ['key.pem', 'log.json']) await copyFile(join(log.dir, file), join(dir, file));
  return startTestLog({ dir });
}

describe('createEntryProver', () => {
  it('proves entries against the log as it is now', async () => {
    const prover = await createEntryProver(log.rekor, log.logKey);
    expect(prover.checkpoint.size).toBeGreaterThanOrEqual(3);
    expect([await prover.prove(bundle, 'one'), await prover.prove(other, 'two')]).toEqual(['proved', 'proved']);
  });

  it('proves an old entry when the log has grown', async () => {
    for (let count = 0; count < 5; count++) await loggedBundle(log, release, 'd'.repeat(64), { count });
    const prover = await createEntryProver(log.rekor, log.logKey);
    expect([prover.checkpoint.size, await prover.prove(bundle, 'one')]).toEqual([8, 'proved']);
  });

  it.each([
    ['an entry of another log', () => withOnlyEntry(bundle, lyingLog().entry(Buffer.from('{}')))],
    ['no entry', () => signedBundle(release)],
    ['an entry of a kind that Rekor v2 does not have', () => withAlteredEntry(bundle, ({ kindVersion }) => Object.assign(kindVersion, { kind: 'dsse' }))],
  ])('cannot speak about %s', async (_what, of) => {
    expect(await prove(of())).toBe('elsewhere');
  });

  it.each([
    ['index', (entry) => Object.assign(entry, { logIndex: '1' }), 'REKOR_PROOF_INVALID'],
    ['index, twice', (entry) => Object.assign(entry, { logIndex: '1', inclusionProof: { ...entry.inclusionProof, logIndex: '1' } }), 'REKOR_PROOF_INVALID'],
    ['root hash', ({ inclusionProof }) => Object.assign(inclusionProof, { rootHash: flippedBase64(inclusionProof.rootHash) }), 'REKOR_PROOF_INVALID'],
    ['audit path', ({ inclusionProof }) => Object.assign(inclusionProof, { hashes: [] }), 'REKOR_PROOF_INVALID'],
    [
      'checkpoint',
      ({ inclusionProof: { checkpoint } }) => Object.assign(checkpoint, { envelope: checkpoint.envelope.replace('\n3\n', '\n4\n') }),
      'CHECKPOINT_UNTRUSTED',
    ],
    ['checkpoint that is none', ({ inclusionProof: { checkpoint } }) => Object.assign(checkpoint, { envelope: 'x' }), 'CHECKPOINT_MALFORMED'],
    ['body that is no JSON', (entry) => Object.assign(entry, { canonicalizedBody: 'AAAA' }), 'LOG_ENTRY_INVALID'],
    ['body without key', (entry) => Object.assign(entry, { canonicalizedBody: Buffer.from('{}').toString('base64') }), 'LOG_ENTRY_INVALID'],
    ['body of another version', (entry) => Object.assign(entry, { kindVersion: { kind: 'hashedrekord', version: '0.0.1' } }), 'REKOR_ENTRY_FOREIGN'],
    // biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
  ] as [string, (entry: any) => void, string][])('denies an altered %s', async (_what, change, code) => {
    await expect(prove(withAlteredEntry(bundle, change))).rejects.toMatchObject({ kind: 'denied', code });
  });

  it('denies the entry of another signature', async () => {
    await expect(prove(withOnlyEntry(bundle, other.logEntries[0]))).rejects.toMatchObject({ kind: 'denied', code: 'REKOR_ENTRY_FOREIGN' });
  });

  it.each([
    ['a curve that no log takes', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'der', type: 'spki' }).toString('base64')],
    ['no key', 'AAAA'],
  ])('denies an entry that names %s', async (_what, rawBytes) => {
    const forged = withAlteredEntry(bundle, (entry) => {
      const body = JSON.parse(Buffer.from(entry.canonicalizedBody, 'base64').toString());
      body.spec.hashedRekordV002.signature.verifier.publicKey.rawBytes = rawBytes;
      entry.canonicalizedBody = Buffer.from(JSON.stringify(body)).toString('base64');
    });
    await expect(prove(forged)).rejects.toMatchObject({ kind: 'denied', code: 'LOG_ENTRY_INVALID' });
  });
});

describe('a bundle with a certificate', () => {
  const keyless = altered(signedBundle(release), (json) => {
    json.verificationMaterial = { certificate: { rawBytes: CERTIFICATE.toString('base64') }, tlogEntries: [] };
  });
  const certified = new X509Certificate(CERTIFICATE).publicKey;
  const byCertificate = { x509Certificate: CERTIFICATE };

  /** The bundle in a log of one entry, which names this verifier. */
  async function proveNaming(of: DsseBundle, verifier: SignedDigest['verifier']): Promise<string> {
    const digest = createHash('sha256').update(preAuthenticationEncoding(of.payloadType, of.payload)).digest();
    const { entry, logKey } = lyingLog();
    const logged = entry(hashedRekordBody({ digest, signature: of.signature, keyDetails: keyDetailsOf(certified), verifier }));
    const checkpoint = async () => parseCheckpoint(logged.inclusionProof.checkpoint.envelope);
    const rekor = { ...log.rekor, checkpoint, proveInclusion: async () => [], proveConsistency: async () => [] };
    return prove(withOnlyEntry(of, logged), { rekor, logKey });
  }

  it('is proved by the entry that names the certificate', async () => {
    expect(await proveNaming(keyless, byCertificate)).toBe('proved');
  });

  it.each([
    ['the key in its certificate', () => keyless, { publicKey: spkiDer(certified) }],
    ['another certificate', () => keyless, { x509Certificate: Buffer.concat([CERTIFICATE, Buffer.alloc(1)]) }],
    ['no certificate', () => keyless, { x509Certificate: Buffer.from('certificate') }],
    ['a certificate beside a bundle without', () => signedBundle(release), byCertificate],
  ])('is denied with an entry that names %s', async (_what, of, verifier) => {
    await expect(proveNaming(of(), verifier)).rejects.toMatchObject({ kind: 'denied', code: 'LOG_ENTRY_INVALID' });
  });
});

describe('a log that does not keep its promise', () => {
  it('shrank', async () => {
    const shorter = await twin();
    await loggedBundle(shorter, release, 'e'.repeat(64));
    await expect(prove(bundle, shorter)).rejects.toMatchObject({ kind: 'denied', code: 'LOG_SHRANK' });
    await shorter.close();
  });

  it('forked', async () => {
    const forked = await twin();
    for (let count = 0; count < 4; count++) await loggedBundle(forked, release, 'e'.repeat(64), { count });
    await expect(prove(bundle, forked)).rejects.toMatchObject({ kind: 'denied', code: 'LOG_FORKED' });
    await forked.close();
  });

  it('is empty', async () => {
    const empty = await twin();
    await expect(prove(bundle, empty)).rejects.toMatchObject({ kind: 'denied', code: 'LOG_SHRANK' });
    await empty.close();
  });

  it('is another log than the key says', async () => {
    const stranger = await startTestLog();
    const rekor = createRekor({ http: stranger.http, url: stranger.running.url, logKey: log.logKey });
    await expect(createEntryProver(rekor, log.logKey)).rejects.toMatchObject({ kind: 'denied', code: 'CHECKPOINT_UNTRUSTED' });
    await stranger.close();
  });

  it('lost the entry', async () => {
    const lost = deniedError('ENTRY_NOT_LOGGED', 'the log holds another leaf there');
    const rekor = { ...log.rekor, proveInclusion: () => Promise.reject(lost) };
    await expect(prove(bundle, { rekor, logKey: log.logKey })).rejects.toBe(lost);
  });

  it('does not answer', async () => {
    const silent = await startTestLog({ faults: ({ path }) => (path.endsWith('/checkpoint') ? { kind: 'answer', status: 503 } : undefined) });
    await expect(createEntryProver(silent.rekor, silent.logKey)).rejects.toMatchObject({ kind: 'transient', code: 'HTTP_SERVER_ERROR' });
    await silent.close();
  });
});
