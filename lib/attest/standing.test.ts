// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { CollectedPiece } from '../evidence/piece.ts';
import { parseStatement } from '../intoto/statement.ts';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { DsseBundle } from '../sigstore/bundle.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { signedBundle } from '../sigstore/test-log.ts';
import { recordedBundle, recordedJson, SIGNED, stackTrust } from '../sigstore/test-real-stack.ts';
import type { KeylessSigner } from './signer.ts';
import { isBy } from './standing.ts';

const IMAGE: DigestReference = { registry: 'registry.example.com', repository: 'app', digest: SIGNED.digest };
const release = newSigningKey('release');

function holder(subject: string, issuer = SIGNED.issuer): KeylessSigner {
  return { token: { token: '', issuer, subject, audience: 'sigstore', challenge: subject }, certify: () => Promise.reject(new Error('not asked')) };
}
const BOT = holder('system:serviceaccount:build:bot');

/** As collected for somebody else's keys, so that its verification says nothing about us. */
function pieceOf(bundle: DsseBundle): CollectedPiece {
  const statement = parseStatement(bundle.payload, 'it');
  const verification = { state: 'rejected', code: 'SIGNER_UNKNOWN', reason: 'it is not by anybody who was asked for' } as const;
  return {
    kind: 'attestation',
    digest: `sha256:${'1'.repeat(64)}`,
    artifactType: '',
    predicateType: statement.predicateType,
    statement,
    payloadDigest: undefined,
    verification,
    manifest: undefined,
    bundle,
  };
}

describe('isBy', () => {
  it.each(['keylessV2', 'keylessV1'] as const)('%s is by whom its certificate names', (name) => {
    expect(isBy(pieceOf(recordedBundle(name)), IMAGE, BOT, stackTrust())).toBe(true);
  });

  it.each([
    ['of the same name at another issuer', holder('system:serviceaccount:build:bot', 'https://issuer.example.com')],
    ['of another name', holder('system:serviceaccount:build:other')],
    ['with a key', release],
  ])('a signer %s did not make it', (_what, signer) => {
    expect(isBy(pieceOf(recordedBundle('keylessV2')), IMAGE, signer, stackTrust())).toBe(false);
  });

  it.each([
    ['without a trusted root', recordedBundle('keylessV2'), undefined],
    ['of an authority that nobody trusts', recordedBundle('keylessV2'), stackTrust((json) => Object.assign(json, { certificateAuthorities: [] }))],
    ['whose content was changed', recordedBundle('keylessV2', (json) => Object.assign(json.dsseEnvelope, { payload: otherPayload() })), stackTrust()],
    ['with a key in place of a certificate', recordedBundle('keyV2'), stackTrust()],
  ])('a bundle %s is by nobody', (_what, bundle, trust) => {
    expect(isBy(pieceOf(bundle), IMAGE, BOT, trust)).toBe(false);
  });

  it('one about another artifact is not', () => {
    expect(isBy(pieceOf(recordedBundle('keylessV2')), { ...IMAGE, digest: `sha256:${'2'.repeat(64)}` }, BOT, stackTrust())).toBe(false);
  });

  it('one by our key about this artifact is ours, one by another key or about another artifact is not', () => {
    const about = digestHex(IMAGE.digest);
    expect(isBy(pieceOf(signedBundle(release, about)), IMAGE, release, undefined)).toBe(true);
    expect(isBy(pieceOf(signedBundle(newSigningKey('other'), about)), IMAGE, release, undefined)).toBe(false);
    expect(isBy(pieceOf(signedBundle(release, '3'.repeat(64))), IMAGE, release, undefined)).toBe(false);
  });
});

function otherPayload(): string {
  const text = Buffer.from(recordedJson('keylessV2').dsseEnvelope.payload, 'base64').toString();
  return Buffer.from(text.replace('"predicate":{}', '"predicate":{"a":1}')).toString('base64');
}
