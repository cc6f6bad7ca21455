// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { flippedBase64 } from './test-log.ts';
import { BOT, type BundleName, KEY, recordedBundle, recordedJson, SIGNED, stackParties, stackTrust } from './test-real-stack.ts';
import { wholeTextPattern } from './text-pattern.ts';
import { type TrustedParties, type VerifiedBundle, verifyBundle } from './verify-bundle.ts';

const REKOR_V1 = expect.stringMatching(/:3000$/);
const REKOR_V2 = expect.stringMatching(/:3003$/);
const TSA = expect.stringMatching(/:3004\//);
const IDENTITY = { subject: SIGNED.subject, issuer: SIGNED.issuer };

function verify(name: BundleName | 'tooEarly', parties: Partial<TrustedParties> = {}, change?: Parameters<typeof recordedBundle>[1]): VerifiedBundle {
  return verifyBundle(recordedBundle(name, change), stackParties(parties), 'referrer 7');
}

/** The code of what it throws, with its text for people. */
function denial(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing was thrown';
}

describe('what the real cosign and the real servers made', () => {
  it.each<[BundleName, object, unknown, unknown]>([
    ['keylessV2', { name: 'bot', identity: IDENTITY }, REKOR_V2, TSA],
    ['keylessV1', { name: 'bot', identity: IDENTITY }, REKOR_V1, expect.any(String)],
    ['keylessV1WithoutTsa', { name: 'bot', identity: IDENTITY }, REKOR_V1, REKOR_V1],
    ['keyV2', { name: 'release' }, REKOR_V2, TSA],
    ['keyV1', { name: 'release' }, REKOR_V1, expect.any(String)],
  ])('%s is verified: who, in which log, when and by whose word', (name, signer, log, by) => {
    const { signers, log: finding, time } = verify(name);
    expect(signers).toEqual([{ ...signer, fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) }]);
    expect(finding).toMatchObject({ entry: { log, index: expect.any(Number), treeSize: expect.any(Number) } });
    expect(time).toEqual({ at: expect.any(Date), by, ...(name.startsWith('keyless') && { notBefore: expect.any(Date) }) });
    expect(Math.abs(Number(time?.at) - Number(SIGNED.at))).toBeLessThan(60_000);
  });

  it.each([
    ['the whole subject', { ...BOT, subject: wholeTextPattern('https://kubernetes\\.io/namespaces/build/serviceaccounts/[a-z]+') }],
    ['the whole issuer', { ...BOT, issuer: wholeTextPattern('http://127\\.0\\.0\\.1:\\d+') }],
  ])('an identity may be a pattern for %s', (_what, identity) => {
    expect(verify('keylessV2', { identities: [identity] }).signers).toMatchObject([{ name: 'bot', identity: IDENTITY }]);
  });

  it('one who has two names signs once: both have one fingerprint', () => {
    const { signers } = verify('keylessV2', { identities: [BOT, { ...BOT, name: 'alias' }] });
    expect(signers.map(({ name }) => name)).toEqual(['bot', 'alias']);
    expect(new Set(signers.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(signers[0]?.fingerprint).toBe(verify('keylessV1').signers[0]?.fingerprint);
  });

  it('a certificate without a log entry counts with a timestamp; whether it must be logged is for the rules', () => {
    const bare = verify('keylessV2', {}, (json) => {
      json.verificationMaterial.tlogEntries = [];
    });
    expect(bare).toMatchObject({ signers: [{ name: 'bot' }], log: { problem: 'it holds no transparency log entry' }, time: { by: TSA } });
  });

  it('a key without trusted root has no entry and no time', () => {
    expect(verify('keyV1', { trust: undefined })).toMatchObject({ signers: [{ name: 'release' }], log: { problem: expect.any(String) }, time: undefined });
  });

  it('a timestamp of an authority that is not trusted is no time, and does no harm to a key', () => {
    const trust = stackTrust((root) => Object.assign(root, { timestampAuthorities: [] }));
    expect(verify('keyV2', { trust })).toMatchObject({ signers: [{ name: 'release' }], log: { entry: { log: REKOR_V2 } }, time: undefined });
    expect(verify('keyV1', { trust })).toMatchObject({ time: { by: REKOR_V1 } });
  });
});

describe('somebody else', () => {
  it.each<[string, BundleName, Partial<TrustedParties>]>([
    ['another service account', 'keylessV2', { identities: [{ ...BOT, subject: SIGNED.subject.replace('bot', 'other') }] }],
    ['another namespace', 'keylessV1', { identities: [{ ...BOT, subject: SIGNED.subject.replace('build', 'prod') }] }],
    ['a prefix of the subject', 'keylessV2', { identities: [{ ...BOT, subject: SIGNED.subject.slice(0, -1) }] }],
    ['a pattern that matches a part alone', 'keylessV2', { identities: [{ ...BOT, subject: wholeTextPattern('kubernetes\\.io|serviceaccounts/bot') }] }],
    ['another issuer', 'keylessV2', { identities: [{ ...BOT, issuer: 'https://issuer.example.com' }] }],
    [
      'subject and issuer of two identities',
      'keylessV1',
      {
        identities: [
          { ...BOT, issuer: 'x' },
          { ...BOT, subject: 'x' },
        ],
      },
    ],
    ['no identity', 'keylessV2', { identities: [] }],
    ['a key, and the policy names keys alone', 'keylessV1', { identities: [], keys: [KEY] }],
  ])('%s', (_what, name, parties) => {
    expect(denial(() => verify(name, parties))).toMatch(
      /^SIGNATURE_UNKNOWN: referrer 7 is signed by https:\/\/kubernetes\.io\/\S+ \(issuer \S+\), who is none of/,
    );
  });

  it('a certificate whose key is the trusted one is a certificate all the same', () => {
    const { certificate = Buffer.alloc(0) } = recordedBundle('keylessV2');
    const { publicKey: key } = new X509Certificate(certificate);
    expect(denial(() => verify('keylessV2', { keys: [{ name: 'x', key }], identities: [] }))).toContain('SIGNATURE_UNKNOWN');
  });

  it('no trusted root, no certificate', () => {
    expect(denial(() => verify('keylessV2', { trust: undefined }))).toBe(
      'SIGNATURE_UNKNOWN: referrer 7 is signed with a certificate, and no trusted root says which authorities to believe',
    );
  });
});

describe('a certificate that proves nothing', () => {
  const ENDED = { start: '2026-01-01T00:00:00Z', end: '2026-01-02T00:00:00Z' };
  const LATER = { start: '2027-01-01T00:00:00Z' };
  // biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
  it.each<[string, BundleName, (root: any) => void, RegExp]>([
    ['no authority is trusted', 'keylessV2', (root) => Object.assign(root, { certificateAuthorities: [] }), /^CERTIFICATE_INVALID: .*chain/],
    [
      'the authority was trusted before',
      'keylessV2',
      (root) => Object.assign(root.certificateAuthorities[0], { validFor: ENDED }),
      /^CERTIFICATE_INVALID: .*chain/,
    ],
    [
      'the authority is trusted later',
      'keylessV1',
      (root) => Object.assign(root.certificateAuthorities[0], { validFor: LATER }),
      /^CERTIFICATE_INVALID: .*chain/,
    ],
    [
      'the authority is that of timestamps',
      'keylessV1',
      (root) => Object.assign(root.certificateAuthorities[0], { certChain: root.timestampAuthorities[0].certChain }),
      /^CERTIFICATE_INVALID/,
    ],
    ['no CT log is trusted', 'keylessV2', (root) => Object.assign(root, { ctlogs: [] }), /^CERTIFICATE_INVALID: .*SCT/],
    ['the CT log was trusted before', 'keylessV1', (root) => Object.assign(root.ctlogs[0].publicKey, { validFor: ENDED }), /^CERTIFICATE_INVALID: .*SCT/],
    [
      'the CT log has another key',
      'keylessV2',
      (root) => Object.assign(root.ctlogs[0].publicKey, { rawBytes: root.tlogs[1].publicKey.rawBytes }),
      /^CERTIFICATE_INVALID: .*SCT/,
    ],
    [
      'the CT log has another id',
      'keylessV2',
      (root) => Object.assign(root.ctlogs[0].logId, { keyId: flippedBase64(root.ctlogs[0].logId.keyId) }),
      /^CERTIFICATE_INVALID: .*SCT/,
    ],
    ['nobody trusted says when', 'keylessV2', (root) => Object.assign(root, { timestampAuthorities: [] }), /^CERTIFICATE_UNTIMED/],
    [
      'the timestamp authority was trusted before',
      'keylessV2',
      (root) => Object.assign(root.timestampAuthorities[0], { validFor: ENDED }),
      /^TIMESTAMP_INVALID/,
    ],
    ['no log and no timestamp authority is trusted', 'keylessV1WithoutTsa', (root) => Object.assign(root, { tlogs: [] }), /^CERTIFICATE_UNTIMED/],
    ['the log was trusted before', 'keylessV1WithoutTsa', (root) => setWindows(root.tlogs, ENDED), /^LOG_ENTRY_INVALID: .*did not trust the log/],
    [
      'the log is trusted later, by the time of the timestamp',
      'keylessV2',
      (root) => setWindows(root.tlogs, LATER),
      /^LOG_ENTRY_INVALID: .*did not trust the log/,
    ],
    [
      'the log has another key',
      'keylessV1',
      (root) => Object.assign(root.tlogs[1].publicKey, { rawBytes: root.ctlogs[0].publicKey.rawBytes }),
      /^LOG_ENTRY_INVALID/,
    ],
    [
      'the log has another host',
      'keylessV1',
      (root) => Object.assign(root.tlogs[1], { baseUrl: 'https://rekor.example.com' }),
      /^LOG_ENTRY_INVALID: .*checkpoint is of the log/,
    ],
  ])('%s', (_what, name, change, reason) => {
    expect(denial(() => verify(name, { trust: stackTrust(change) }))).toMatch(reason);
  });

  // biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
  function setWindows(logs: any[], validFor: object): void {
    for (const log of logs) log.publicKey.validFor = validFor;
  }

  it('it did not exist yet when the signature was stamped', () => {
    expect(denial(() => verify('tooEarly'))).toMatch(/^CERTIFICATE_INVALID: .*not valid or expired at the specified date/);
  });

  // biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
  it.each<[string, BundleName, (json: any) => void, RegExp]>([
    [
      'that of another signature of the same identity',
      'keylessV2',
      (json) => Object.assign(json.verificationMaterial, { certificate: certificateOf('keylessV1'), tlogEntries: [] }),
      /^CERTIFICATE_INVALID: .*signature verification failed/,
    ],
    [
      'that of another signature, with the log entry of this one',
      'keylessV2',
      (json) => Object.assign(json.verificationMaterial, { certificate: certificateOf('keylessV1') }),
      /^LOG_ENTRY_INVALID/,
    ],
    [
      'the same, Rekor v1',
      'keylessV1',
      (json) => Object.assign(json.verificationMaterial, { certificate: certificateOf('keylessV2') }),
      /^LOG_ENTRY_INVALID: .*names another key/,
    ],
    [
      'one with the timestamp of another signature',
      'keylessV2',
      (json) =>
        Object.assign(json.verificationMaterial, { timestampVerificationData: recordedJson('keylessV1').verificationMaterial.timestampVerificationData }),
      /^TIMESTAMP_INVALID/,
    ],
    [
      'one with the log entry of another signature',
      'keylessV1',
      (json) => Object.assign(json.verificationMaterial, { tlogEntries: recordedJson('keylessV1WithoutTsa').verificationMaterial.tlogEntries }),
      /^LOG_ENTRY_INVALID: .*another signature/,
    ],
    [
      'the same timestamp twice',
      'keylessV2',
      ({ verificationMaterial: { timestampVerificationData: data } }) => data.rfc3161Timestamps.push(data.rfc3161Timestamps[0]),
      /^TIMESTAMP_INVALID: .*twice/,
    ],
    [
      '33 timestamps',
      'keylessV2',
      ({ verificationMaterial: { timestampVerificationData: data } }) => Object.assign(data, { rfc3161Timestamps: Array(33).fill(data.rfc3161Timestamps[0]) }),
      /^TIMESTAMP_INVALID: .*more than 32/,
    ],
    [
      '33 log entries',
      'keylessV2',
      ({ verificationMaterial: material }) => Object.assign(material, { tlogEntries: Array(33).fill(material.tlogEntries[0]) }),
      /^LOG_ENTRY_INVALID: .*more than 32/,
    ],
    [
      'no certificate at all',
      'keylessV2',
      ({ verificationMaterial: { certificate } }) => Object.assign(certificate, { rawBytes: 'AAAA' }),
      /^CERTIFICATE_INVALID/,
    ],
    [
      'a huge one',
      'keylessV2',
      ({ verificationMaterial: { certificate } }) => Object.assign(certificate, { rawBytes: Buffer.alloc(70_000).toString('base64') }),
      /^CERTIFICATE_INVALID: .*more than 65536/,
    ],
    [
      'the time of the log without its promise',
      'keylessV1WithoutTsa',
      ({ verificationMaterial: { tlogEntries } }) => delete tlogEntries[0].inclusionPromise,
      /^CERTIFICATE_UNTIMED/,
    ],
    [
      'a garbled timestamp',
      'keylessV2',
      ({ verificationMaterial: { timestampVerificationData: data } }) => Object.assign(data.rfc3161Timestamps[0], { signedTimestamp: 'MAA=' }),
      /^TIMESTAMP_INVALID/,
    ],
  ])('%s', (_what, name, change, reason) => {
    expect(denial(() => verify(name, {}, change))).toMatch(reason);
  });

  function certificateOf(name: BundleName): unknown {
    return recordedJson(name).verificationMaterial.certificate;
  }
});
