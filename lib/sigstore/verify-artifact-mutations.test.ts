// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { StepError } from '../errors/errors.ts';
import { decodeArtifactBundle } from './artifact-bundle.ts';
import { derMutations, type Json, jsonMutations } from './test-mutations.ts';
import { BOT, BUNDLE_NAMES, type BundleName, KEY, recordedJson, SIGNED, stackParties, stackTrust } from './test-real-stack.ts';
import { verifyArtifactBundle } from './verify-artifact.ts';
import { type VerifiedBundle, verifyBundle } from './verify-bundle.ts';

const TRUST = stackTrust();
const ARTIFACT = { sha256: Buffer.from(SIGNED.digest.slice('sha256:'.length), 'hex') };
/** Time on the processor, far more than one of them takes. */
const SLOWEST_MS = 2_000;

/** What verification says, without what the library keeps for itself; `refused` where it denies or where an input is unusable. Anything else thrown fails the test, and so does taking long. */
function answer(run: () => VerifiedBundle): unknown {
  const start = process.cpuUsage();
  try {
    const { signers, log, time } = run();
    return { signers, log: 'entry' in log ? log.entry : log, time };
  } catch (error) {
    if (error instanceof StepError && (error.kind === 'denied' || error.kind === 'input')) return 'refused';
    throw error;
  } finally {
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(SLOWEST_MS);
  }
}

function expectedOf(name: BundleName): Parameters<typeof verifyArtifactBundle>[2] {
  return name.startsWith('key') && !name.startsWith('keyless') ? { key: KEY } : { identity: BOT };
}

function verify(name: BundleName, json: Json): unknown {
  return answer(() => verifyArtifactBundle(Buffer.from(JSON.stringify(json)), ARTIFACT, expectedOf(name), TRUST, 'it'));
}

/** Changes after which the bundle proves what it proved, because what is gone was not needed, or proves nothing. Where the time is no longer the earliest, it is that of the other witness. */
const HARMLESS: readonly [RegExp, RegExp, string][] = [
  [/^verificationMaterial\.publicKey(\.hint)?$/, /./, 'a hint proves nothing'],
  [/^dsseEnvelope\.signatures\.0\.keyid$/, /./, 'a key id proves nothing'],
  [
    /^verificationMaterial\.timestampVerificationData(\.rfc3161Timestamps(\.\d+)?)?$/,
    /^(dropped|null|a list|a mapping|a mapping with itself)$/,
    'the log dates it, or a key needs no time',
  ],
  [/tlogEntries\.0\.inclusionPromise$/, /^(dropped|null)$/, 'the authority dates it'],
  [/tlogEntries(\.0)?$/, /^(dropped|null|a list)$/, 'a key needs no log'],
  [/checkpoint\.envelope$/, /^line 4 doubled$/, 'the log signed it twice'],
  [/tlogEntries\.0\.(integratedTime|logIndex)$/, /./, 'without a promise they are bare claims'],
];

describe.each(BUNDLE_NAMES)('%s', (name) => {
  const json = recordedJson(name);
  const other = recordedJson(name === 'keylessV2' ? 'keylessV1' : name === 'keyV2' ? 'keyV1' : name === 'keyV1' ? 'keyV2' : 'keylessV2');
  const untouched = verify(name, json) as VerifiedBundle;

  it('is verified as it is', () => expect(untouched).toMatchObject({ signers: [expect.anything()], log: { index: expect.any(Number) } }));

  it('with any change of any field is refused, or proves what it did', () => {
    const kept = [];
    let tried = 0;
    for (const { at, kind, json: changed } of jsonMutations(json, other)) {
      if (JSON.stringify(changed) === JSON.stringify(json)) continue;
      tried += 1;
      const found = verify(name, changed);
      if (found === 'refused') continue;
      expect([at, kind, (found as VerifiedBundle).signers]).toEqual([at, kind, untouched.signers]);
      if (!HARMLESS.some(([where, what]) => where.test(at) && what.test(kind))) kept.push(`${at}: ${kind}`);
    }
    expect(kept).toEqual([]);
    expect(tried).toBeGreaterThan(400);
  }, 300_000);
});

describe('every element of the DER of', () => {
  /** A bundle whose bytes at `field` are others; without its log entries, which repeat the certificate. */
  function withBytes(name: BundleName, field: (json: Json) => { holder: Json; key: string }, der: Buffer): Buffer {
    const json = recordedJson(name);
    json.verificationMaterial.tlogEntries = [];
    const { holder, key } = field(json.verificationMaterial);
    holder[key] = der.toString('base64');
    return Buffer.from(JSON.stringify(json));
  }

  const CERTIFICATE = ({ certificate }: Json): { holder: Json; key: string } => ({ holder: certificate, key: 'rawBytes' });
  const TIMESTAMP = ({ timestampVerificationData }: Json): { holder: Json; key: string } => ({
    holder: timestampVerificationData.rfc3161Timestamps[0],
    key: 'signedTimestamp',
  });

  it.each([
    ['a certificate', 'keylessV2', CERTIFICATE],
    ['the timestamp of a certificate', 'keylessV2', TIMESTAMP],
    ['the timestamp of a key', 'keyV2', TIMESTAMP],
  ] as const)(
    '%s may change: refused, or the same signer and time',
    (what, name, field) => {
      const { holder, key } = field(recordedJson(name).verificationMaterial);
      const original = Buffer.from(holder[key], 'base64');
      const verifyBytes = (der: Buffer): unknown =>
        answer(() => verifyBundle(decodeArtifactBundle(withBytes(name, field, der), ARTIFACT, 'it'), stackParties(), 'it'));
      const untouched = verifyBytes(original);
      expect(untouched).toMatchObject({ signers: [expect.anything()], time: { at: expect.any(Date) } });
      let tried = 0;
      const kept: string[] = [];
      for (const { at, kind, der } of derMutations(original)) {
        if (der.equals(original)) continue;
        tried += 1;
        const found = verifyBytes(der);
        if (found === 'refused') continue;
        // Without a timestamp of a trusted authority a key proves no time.
        if (name === 'keyV2' && (found as VerifiedBundle).time === undefined) continue;
        kept.push(`${at}: ${kind}`);
        expect([at, kind, found]).toEqual([at, kind, untouched]);
      }
      // A certificate is signed as a whole; of a timestamp the library reads what it needs, and the rest is not signed.
      if (what === 'a certificate') expect(kept).toEqual([]);
      expect(tried).toBeGreaterThan(200);
    },
    300_000,
  );
});
