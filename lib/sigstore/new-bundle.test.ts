// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { checkNewBundle, isCertificateOf } from './new-bundle.ts';
import { CERTIFICATE, newSigningKey } from './test-keys.ts';
import { BUNDLE_NAMES, KEY, recordedBundle, SIGNED, stackTrust } from './test-real-stack.ts';

const certificate = recordedBundle('keylessV2').certificate ?? Buffer.alloc(0);
const TOKEN = { issuer: SIGNED.issuer, subject: 'system:serviceaccount:build:bot', challenge: 'system:serviceaccount:build:bot' };

// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
type Json = any;
const withoutEntries = (json: Json): void => {
  json.verificationMaterial.tlogEntries = [];
};
const withoutTimestamps = (json: Json): void => {
  json.verificationMaterial.timestampVerificationData = {};
};

describe('checkNewBundle', () => {
  it.each(BUNDLE_NAMES)('believes %s of the real stack', (name) => {
    const bundle = recordedBundle(name);
    expect(() => checkNewBundle(bundle, bundle.certificate ? undefined : KEY, stackTrust(), { logged: true }, 'it')).not.toThrow();
  });

  it('believes one that is to be logged later, by its timestamp', () => {
    expect(() => checkNewBundle(recordedBundle('keylessV2', withoutEntries), undefined, stackTrust(), { logged: false }, 'it')).not.toThrow();
  });

  it.each([
    ['one that is to be logged and is not', () => recordedBundle('keylessV2', withoutEntries), stackTrust(), 'LOG_ENTRY_INVALID'],
    [
      'one of a log that is not trusted',
      () => recordedBundle('keylessV2'),
      stackTrust((json) => {
        json.tlogs = [];
      }),
      'LOG_ENTRY_INVALID',
    ],
    [
      'one of a certificate authority that is not trusted',
      () => recordedBundle('keylessV2'),
      stackTrust((json) => {
        json.certificateAuthorities = [];
      }),
      'CERTIFICATE_INVALID',
    ],
    [
      'one whose certificate was not logged by a trusted log',
      () => recordedBundle('keylessV2'),
      stackTrust((json) => {
        json.ctlogs = [];
      }),
      'CERTIFICATE_INVALID',
    ],
    ['one without a time', () => recordedBundle('keylessV2', withoutTimestamps), stackTrust(), 'CERTIFICATE_UNTIMED'],
    ['one that was signed before the certificate was there', () => recordedBundle('tooEarly'), stackTrust(), 'CERTIFICATE_INVALID'],
  ])('denies %s', (_what, bundle, trust, code) => {
    expect(() => checkNewBundle(bundle(), undefined, trust, { logged: true }, 'it')).toThrowError(expect.objectContaining({ kind: 'denied', code }));
  });

  it('denies one of another key', () => {
    expect(() => checkNewBundle(recordedBundle('keyV2'), newSigningKey('other'), stackTrust(), { logged: true }, 'it')).toThrowError(
      expect.objectContaining({ kind: 'denied', code: 'SIGNATURE_UNKNOWN' }),
    );
  });
});

describe('isCertificateOf', () => {
  it.each([
    ['the same issuer and subject', {}, true],
    ['another subject', { subject: 'system:serviceaccount:build:other' }, false],
    ['another issuer', { issuer: 'https://issuer.example.com' }, false],
    ['a subject that only begins like it', { subject: `${TOKEN.subject}t` }, false],
  ])('%s', (_what, changes, expected) => {
    expect(isCertificateOf(certificate, { ...TOKEN, ...changes })).toBe(expected);
  });

  // A Fulcio from before 1.8: the extension 57264.1.24 (content ...01 18) under a number that nobody knows. The signature breaks, which is for the verification.
  const old = Buffer.from(certificate.toString('hex').replace('060a2b0601040183bf300118', '060a2b0601040183bf30017f'), 'hex');
  it.each([
    ['a service account', {}, true],
    ['another service account', { subject: 'system:serviceaccount:build:other' }, false],
    ['the name in the certificate as e-mail address or subject', { subject: 'x', challenge: SIGNED.subject }, true],
    ['something else', { subject: 'x', challenge: 'y' }, false],
  ])('where the certificate does not tell the subject of the token: %s', (_what, changes, expected) => {
    expect(old.equals(certificate)).toBe(false);
    expect(isCertificateOf(old, { ...TOKEN, ...changes })).toBe(expected);
  });

  it.each([
    ['one that Fulcio did not make', CERTIFICATE],
    ['what is none', Buffer.from('half past nine')],
    ['nothing', Buffer.alloc(0)],
  ])('%s is nobody', (_what, der) => {
    expect(isCertificateOf(der, TOKEN)).toBe(false);
  });
});
