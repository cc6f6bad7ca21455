// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from '@sigstore/core';
import { describe, expect, it } from 'vitest';
import { type CertificateIdentity, certificateIdentity, parseCertificate, verifyCertificate } from './certificate.ts';
import { CERTIFICATE } from './test-keys.ts';
import { recordedBundle, SIGNED, stackTrust } from './test-real-stack.ts';
import { timestampsOf } from './verified-time.ts';

const LEAF = recordedBundle('keylessV2').certificate ?? Buffer.alloc(0);
const ISSUER_V1 = oid('2b0601040183bf300101');
const ISSUER_V2 = oid('2b0601040183bf300108');

function oid(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

/** The certificate with bytes replaced by as many others, as nobody would sign it. */
function replaced(from: Buffer, to: Buffer, first = 0): Buffer {
  const at = LEAF.indexOf(from, first);
  if (at < 0 || from.length !== to.length) throw new Error('the certificate has no such bytes');
  return Buffer.concat([LEAF.subarray(0, at), to, LEAF.subarray(at + from.length)]);
}

function named(der: Buffer): CertificateIdentity {
  return certificateIdentity(X509Certificate.parse(Buffer.from(der)));
}

describe('whom a certificate names', () => {
  it('is its URI and the issuer of the token', () => {
    expect(named(LEAF)).toEqual({ subject: SIGNED.subject, issuer: SIGNED.issuer });
  });

  it('is its email address', () => {
    const uri = Buffer.from([0x86, SIGNED.subject.length]);
    expect(named(replaced(uri, Buffer.from([0x81, SIGNED.subject.length])))).toEqual({ subject: SIGNED.subject, issuer: SIGNED.issuer });
  });

  it('is known by the older extension alone', () => {
    expect(named(replaced(ISSUER_V2, oid('2b0601040183bf30017f')))).toEqual({ subject: SIGNED.subject, issuer: SIGNED.issuer });
  });

  it.each([
    ['a DNS name', () => replaced(Buffer.from([0x86, SIGNED.subject.length]), Buffer.from([0x82, SIGNED.subject.length])), 'neither a URI nor an email'],
    ['a zero in the subject', () => replaced(Buffer.from('/bot'), Buffer.from('/\0ot')), 'characters that no name has'],
    ['a letter with its high bit set, which some decoders drop', () => replaced(Buffer.from('/bot'), Buffer.from([0x2f, 0xe2, 0x6f, 0x74])), ''],
    ['letters beyond ASCII in a URI', () => replaced(Buffer.from('/bot'), Buffer.from('/éx')), 'characters that no name has'],
    ['a space', () => replaced(Buffer.from('/bot'), Buffer.from('/b t')), 'characters that no name has'],
    ['no subject', () => replaced(oid('551d11'), oid('551d7f')), 'exactly one subject'],
    ['two issuers', () => replaced(Buffer.from(SIGNED.issuer), Buffer.from(SIGNED.issuer.replace('8900', '8901'))), 'two issuers'],
    [
      'an issuer that is no UTF-8 string',
      () => replaced(Buffer.from([0x0c, SIGNED.issuer.length]), Buffer.from([0x16, SIGNED.issuer.length])),
      'no UTF-8 string',
    ],
    ['no issuer', () => withoutIssuers(), 'does not name the issuer'],
  ])('is refused: %s', (_what, der, problem) => {
    expect(() => named(der())).toThrowError(problem);
  });

  function withoutIssuers(): Buffer {
    const der = replaced(ISSUER_V2, oid('2b0601040183bf30017f'));
    der.set(oid('2b0601040183bf30017e'), der.indexOf(ISSUER_V1));
    return der;
  }
});

describe('verifyCertificate', () => {
  const trust = stackTrust();
  const [authority] = trust.certificateAuthorities;
  const AUTHORITY = authority?.certChain[0]?.root.toDER() ?? Buffer.alloc(0);
  const bundle = recordedBundle('keylessV2');
  const times = timestampsOf(bundle, trust, 'it');
  const verify = (certificate: Buffer): unknown => verifyCertificate({ ...bundle, certificate }, trust, times, 'it');

  it('takes the one that was signed with', () => {
    expect(verify(LEAF)).toEqual({ subject: SIGNED.subject, issuer: SIGNED.issuer });
  });

  it.each([
    ['that of the authority itself', AUTHORITY, /^the certificate of it does not prove who signed: it is one of an authority/],
    ['one that is for nothing', CERTIFICATE, /it is not for code signing/],
    ['one that is for servers', replaced(oid('2b06010505070303'), oid('2b06010505070301')), /it is not for code signing/],
    ['one whose subject was changed', replaced(Buffer.from('/bot'), Buffer.from('/bob')), /chain/],
  ])('refuses %s', (_what, certificate, reason) => {
    expect(() => verify(certificate)).toThrowError(
      expect.objectContaining({ kind: 'denied', code: 'CERTIFICATE_INVALID', message: expect.stringMatching(reason) }),
    );
  });

  it('refuses one for which there is no time', () => {
    expect(() => verifyCertificate({ ...bundle, certificate: LEAF }, trust, [], 'it')).toThrowError(expect.objectContaining({ code: 'CERTIFICATE_UNTIMED' }));
  });

  it.each([
    ['with a byte behind it', Buffer.concat([LEAF, Buffer.alloc(1)])],
    ['as PEM', Buffer.from(`-----BEGIN CERTIFICATE-----\n${LEAF.toString('base64')}\n-----END CERTIFICATE-----\n`)],
    ['cut short', LEAF.subarray(0, -1)],
    ['that is empty', Buffer.alloc(0)],
  ])('refuses one %s', (_what, der) => {
    expect(() => parseCertificate(der, 'it')).toThrowError(expect.objectContaining({ kind: 'denied', code: 'CERTIFICATE_INVALID' }));
  });
});
