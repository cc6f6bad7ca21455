// SPDX-License-Identifier: Apache-2.0
import { createHash, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { preAuthenticationEncoding } from '../intoto/dsse.ts';
import type { DsseBundle } from './bundle.ts';
import { signCheckpoint } from './checkpoint.ts';
import { hashedRekordBody, keyDetailsOf } from './hashedrekord.ts';
import { leafHash } from './merkle.ts';
import { spkiDer } from './public-key.ts';
import { newSigningKey } from './test-keys.ts';
import {
  altered,
  flippedBase64,
  loggedBundle,
  lyingLog,
  signedBundle,
  startTestLog,
  type TestLog,
  trustedRootJson,
  withAlteredEntry,
  withOnlyEntry,
} from './test-log.ts';
import { parseTrustedRoot } from './trusted-root.ts';
import { type LogFinding, verifyLogEntries } from './verify-log.ts';

const release = newSigningKey('release');
const liar = lyingLog();
let log: TestLog;
let bundle: DsseBundle;
let earlier: DsseBundle;
beforeAll(async () => {
  log = await startTestLog();
  earlier = await loggedBundle(log, release, 'b'.repeat(64));
  for (let count = 0; count < 3; count++) await loggedBundle(log, release, 'c'.repeat(64), { count });
  bundle = await loggedBundle(log, release);
});
afterAll(() => log.close());

function verify(of: DsseBundle, trust = log.trust, key = release): LogFinding {
  return verifyLogEntries(of, key, trust, 'referrer 7');
}

/** The canonical body that a log would keep for the bundle, with any key as the signer's. */
function bodyFor(of: DsseBundle, key: KeyObject = release.key): Buffer {
  const digest = createHash('sha256').update(preAuthenticationEncoding(of.payloadType, of.payload)).digest();
  return hashedRekordBody({ digest, signature: of.signature, keyDetails: keyDetailsOf(key), verifier: { publicKey: spkiDer(key) } });
}

describe('an entry that the trusted log vouches for', () => {
  it('is described', () => {
    expect(verify(bundle)).toEqual({ entry: { log: log.running.url, origin: '127.0.0.1', index: 4, treeSize: 5 }, times: [] });
    expect(verify(earlier)).toEqual({ entry: { log: log.running.url, origin: '127.0.0.1', index: 0, treeSize: 1 }, times: [] });
  });

  it('is found among several trusted logs', () => {
    const trust = { ...log.trust, tlogs: [...liar.trust.tlogs, ...log.trust.tlogs] };
    expect(verify(bundle, trust)).toMatchObject({ entry: { log: log.running.url } });
  });

  it.each(['before', 'behind'])('counts with an entry of another log %s it', (where) => {
    const both = altered(bundle, ({ verificationMaterial: { tlogEntries } }) =>
      tlogEntries[where === 'before' ? 'unshift' : 'push'](liar.entry(bodyFor(bundle))),
    );
    expect(verify(both)).toEqual(verify(bundle));
  });

  it('counts for a log that never lies but to this test', () => {
    const of = signedBundle(release);
    expect(verify(withOnlyEntry(of, liar.entry(bodyFor(of))), liar.trust)).toMatchObject({ entry: { origin: 'liar.example.com', index: 0, treeSize: 1 } });
  });
});

describe('no verified entry', () => {
  it.each([
    ['there is none', () => verify(signedBundle(release)), 'it holds no transparency log entry'],
    ['no trusted root was given', () => verifyLogEntries(bundle, release, undefined, 'it'), 'no trusted root was given, so its log entry cannot be verified'],
    ['the trusted root names no log', () => verify(bundle, parseTrustedRoot(trustedRootJson())), 'of a log that the trusted root does not name'],
    ['the trusted root names another log', () => verify(bundle, liar.trust), 'of a log that the trusted root does not name'],
    [
      'it claims to be of another log',
      () =>
        verify(
          withAlteredEntry(bundle, (entry) => {
            entry.logId.keyId = Buffer.alloc(32).toString('base64');
          }),
        ),
      'of a log that the trusted root does not name',
    ],
  ])('is a problem in words: %s', (_what, find, problem) => {
    expect(find()).toEqual({ problem: expect.stringContaining(problem) });
  });
});

describe('a forged entry is denied', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
  const CHANGES: [string, (entry: any) => void][] = [
    ['index beside the proof', (entry) => Object.assign(entry, { logIndex: '3' })],
    ['index in the proof', ({ inclusionProof }) => Object.assign(inclusionProof, { logIndex: '3' })],
    ['both indexes', (entry) => Object.assign(entry, { logIndex: '3', inclusionProof: { ...entry.inclusionProof, logIndex: '3' } })],
    ['index beyond the tree', (entry) => Object.assign(entry, { logIndex: '5', inclusionProof: { ...entry.inclusionProof, logIndex: '5' } })],
    ['root hash', ({ inclusionProof }) => Object.assign(inclusionProof, { rootHash: flippedBase64(inclusionProof.rootHash) })],
    ['tree size', ({ inclusionProof }) => Object.assign(inclusionProof, { treeSize: '6' })],
    ['audit path', ({ inclusionProof }) => Object.assign(inclusionProof, { hashes: inclusionProof.hashes.map((hash: string) => flippedBase64(hash)) })],
    ['audit path, cut', ({ inclusionProof }) => Object.assign(inclusionProof, { hashes: [] })],
    ['audit path, longer', ({ inclusionProof }) => Object.assign(inclusionProof, { hashes: [...inclusionProof.hashes, inclusionProof.rootHash] })],
    ['checkpoint size', ({ inclusionProof: { checkpoint } }) => Object.assign(checkpoint, { envelope: checkpoint.envelope.replace('\n5\n', '\n6\n') })],
    [
      'checkpoint origin',
      ({ inclusionProof: { checkpoint } }) => Object.assign(checkpoint, { envelope: checkpoint.envelope.replace('127.0.0.1', '127.0.0.2') }),
    ],
    [
      'checkpoint signature',
      ({ inclusionProof: { checkpoint } }) => Object.assign(checkpoint, { envelope: checkpoint.envelope.replace(/.{8}\n$/, 'AAAAAAA=\n') }),
    ],
    ['checkpoint without signature', ({ inclusionProof: { checkpoint } }) => Object.assign(checkpoint, { envelope: checkpoint.envelope.split('\n\n')[0] })],
    ['checkpoint that is empty', ({ inclusionProof: { checkpoint } }) => Object.assign(checkpoint, { envelope: '' })],
    ['body that is no JSON', (entry) => Object.assign(entry, { canonicalizedBody: 'AAAA' })],
    [
      'body with a byte more',
      (entry) => Object.assign(entry, { canonicalizedBody: Buffer.from(`${Buffer.from(entry.canonicalizedBody, 'base64')} `).toString('base64') }),
    ],
    ['kind', ({ kindVersion }) => Object.assign(kindVersion, { kind: 'dsse' })],
    ['version', ({ kindVersion }) => Object.assign(kindVersion, { version: '0.0.1' })],
    ['kind and version that nobody knows', ({ kindVersion }) => Object.assign(kindVersion, { kind: 'rpm', version: '9' })],
  ];

  it.each(CHANGES)('%s', (_what, change) => {
    const forge = (): LogFinding => verify(withAlteredEntry(bundle, change));
    expect(forge).toThrowError(expect.objectContaining({ kind: 'denied', code: 'LOG_ENTRY_INVALID' }));
    expect(forge).toThrowError(/^the log entry of referrer 7 is not what the log vouches for: /);
  });

  it.each([
    ['the entry of another signature of the same key', () => withOnlyEntry(bundle, earlier.logEntries[0])],
    ['the same entry twice', () => altered(bundle, ({ verificationMaterial: { tlogEntries } }) => tlogEntries.push(tlogEntries[0]))],
    [
      'its own entry and that of another signature',
      () => altered(bundle, ({ verificationMaterial: { tlogEntries } }) => tlogEntries.push(jsonOfEntry(earlier))),
    ],
    ['the checkpoint of another log', () => withAlteredEntry(bundle, (entry) => Object.assign(entry.inclusionProof, liarProof()))],
  ])('%s', (_what, forged) => {
    expect(() => verify(forged())).toThrowError(expect.objectContaining({ code: 'LOG_ENTRY_INVALID' }));
  });

  function jsonOfEntry(of: DsseBundle): unknown {
    let found: unknown;
    withAlteredEntry(of, (entry) => {
      found = entry;
    });
    return found;
  }

  function liarProof(): unknown {
    return { ...liar.entry(bodyFor(bundle)).inclusionProof, logIndex: '4' };
  }

  it('names another key than the one that signed, although a trusted log has it', () => {
    const of = signedBundle(release);
    const forged = withOnlyEntry(of, liar.entry(bodyFor(of, newSigningKey('other').key)));
    expect(() => verify(forged, liar.trust)).toThrowError(/is not the one for this digest, signature and key/);
  });

  it('names a certificate in place of the key', () => {
    const of = signedBundle(release);
    const { spec } = JSON.parse(bodyFor(of).toString());
    spec.hashedRekordV002.signature.verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', x509Certificate: { rawBytes: 'AAAA' } };
    const forged = withOnlyEntry(of, liar.entry(Buffer.from(JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec }))));
    expect(() => verify(forged, liar.trust)).toThrowError(/is not the one for this digest, signature and key/);
  });

  it('is signed by a log with the same id and another key', () => {
    const [genuine] = log.trust.tlogs;
    const [other] = liar.trust.tlogs;
    if (!genuine || !other) throw new Error('there is no log');
    const trust = { ...log.trust, tlogs: [{ ...genuine, publicKey: other.publicKey }] };
    expect(() => verify(bundle, trust)).toThrowError(expect.objectContaining({ code: 'LOG_ENTRY_INVALID' }));
  });

  it('has a checkpoint of the trusted log over a root that is not its own', () => {
    const of = signedBundle(release);
    const entry = liar.entry(bodyFor(of));
    const envelope = signCheckpoint({ size: 1, root: leafHash(Buffer.from('another entry')) }, liar.logKey.origin, liar.privateKey);
    const forged = withOnlyEntry(of, { ...entry, inclusionProof: { ...entry.inclusionProof, checkpoint: { envelope } } });
    expect(() => verify(forged, liar.trust)).toThrowError(expect.objectContaining({ code: 'LOG_ENTRY_INVALID' }));
  });

  it('stands in a bundle that the key did not sign', () => {
    expect(() => verify(bundle, log.trust, newSigningKey('other'))).toThrowError(expect.objectContaining({ code: 'LOG_ENTRY_INVALID' }));
  });
});
