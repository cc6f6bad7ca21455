// SPDX-License-Identifier: Apache-2.0
import { sign, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeBundle } from '../sigstore/bundle.ts';
import { SIMPLE_SIGNING_TYPE } from '../sigstore/legacy-layer.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { altered, signedBundle } from '../sigstore/test-log.ts';
import { whoSigned } from '../sigstore/who-signed.ts';
import { collectEvidence } from './collect.ts';
import { verifiedPieces } from './evidence.ts';
import { SIGNATURE_MISENCODED } from './piece.ts';
import { chainsKey, collectRecorded as collect, recordedArtifacts, replay, trustedRoot, VECTORS } from './test-chains.ts';

describe('an image signature of the kind that Tekton Chains writes', () => {
  it.each([
    ['with its own payload type', SIMPLE_SIGNING_TYPE],
    ['with the payload type of a statement', 'application/vnd.in-toto+json'],
  ])('is no signature, %s: it covers the bare payload', (_what, payloadType) => {
    const key = newSigningKey('chains');
    const payload = Buffer.from('{"critical":{"type":"cosign container image signature"},"optional":null}');
    const bundle = altered(signedBundle(key), (json) => {
      const sig = sign('sha256', payload, key.privateKey).toString('base64');
      json.dsseEnvelope = { payloadType, payload: payload.toString('base64'), signatures: [{ sig }] };
    });
    expect(whoSigned(bundle, [key])).toEqual([]);
  });
});

describe('evidence of a real Tekton Chains', () => {
  it('verifies all attestations and rejects all image signatures, which do not sign the envelope', async ({ skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const pieces = (await Promise.all(recordedArtifacts().map((recorded) => collect(recorded)))).flatMap((evidence) => evidence.pieces);
    const signatures = pieces.filter(({ bundle }) => bundle?.payloadType === SIMPLE_SIGNING_TYPE);
    const attestations = pieces.filter(({ bundle }) => bundle?.payloadType === 'application/vnd.in-toto+json');
    expect([pieces.length, signatures.length, attestations.length]).toEqual([46, 20, 26]);
    for (const { verification } of signatures) {
      expect(verification).toMatchObject({
        state: 'rejected',
        code: SIGNATURE_MISENCODED,
        reason: expect.stringContaining('an image signature by chains in the form'),
      });
    }
    for (const { kind, predicateType, verification } of attestations) {
      expect(verification).toMatchObject({ state: 'verified', signers: [{ name: 'chains' }] });
      expect([kind, predicateType]).toEqual(['attestation', expect.stringMatching(/^https:\/\/slsa\.dev\/provenance\/v(0\.2|1)$/)]);
    }
  });

  it('sees no signature where cosign 3 takes the provenance for one', async ({ skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    for (const recorded of recordedArtifacts()) {
      const evidence = await collect(recorded);
      expect(verifiedPieces(evidence, 'signature')).toEqual([]);
      expect(verifiedPieces(evidence, 'attestation').length > 0).toBe(!recorded.image.includes('signature-only'));
    }
  });

  it('does not count an image signature even for its own bytes: the envelope encoding was never signed', ({ skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const bytes = readFileSync(join(VECTORS, 'slsa-v2alpha4.sigstore-bundle/build-tr/referrer.0.bundle.json'));
    const bundle = decodeBundle(bytes, 'the image signature');
    const key = { name: 'chains', key: chainsKey() };
    expect(bundle.payloadType).toBe(SIMPLE_SIGNING_TYPE);
    expect(whoSigned(bundle, [key])).toEqual([]);
    expect(verify('sha256', bundle.payload, key.key, bundle.signature)).toBe(true);
  });

  it('is rejected for any other key, and for any other image', async ({ skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const [recorded, other] = ['build-tr', 'failed-tr'].map((run) => ({
      image: join(VECTORS, 'slsa-v2alpha4.sigstore-bundle', run, 'image.manifest.json'),
      prefix: '',
    }));
    if (!recorded || !other) throw new Error('nothing was recorded');
    const stranger = await collect(recorded, undefined, newSigningKey('stranger').key);
    expect(stranger.pieces.map(({ verification }) => 'code' in verification && verification.code).sort()).toEqual([SIGNATURE_MISENCODED, 'SIGNATURE_UNKNOWN']);
    const keys = [{ name: 'chains', key: chainsKey() }];
    const moved = await collectEvidence(replay(recorded).registry, replay(other).reference, { keys, trust: undefined });
    expect(moved.pieces.map(({ verification }) => 'code' in verification && verification.code).sort()).toEqual([SIGNATURE_MISENCODED, 'SUBJECT_MISMATCH']);
  });
});

describe('entries of a Rekor v1 log', () => {
  const FOLDER = 'rekor-v1.slsa-v2alpha4.sigstore-bundle';

  it('are verified where the log is called as the trusted root calls it', async ({ skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const logged = recordedArtifacts().filter(({ image }) => image.includes(FOLDER));
    const evidence = await Promise.all(logged.map((recorded) => collect(recorded, trustedRoot(true))));
    const attestations = evidence.flatMap((collected) => verifiedPieces(collected, 'attestation'));
    expect(attestations).toHaveLength(3);
    for (const { verification } of attestations) {
      expect(verification).toMatchObject({ log: { log: 'http://rekor.lab.example', origin: expect.stringMatching(/^rekor\.lab\.example - \d+$/) } });
    }
  });

  it('are denied where it is not, since the name on the checkpoint is another', async ({ skip }) => {
    skip(!existsSync(VECTORS), `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const { pieces } = await collect({ image: join(VECTORS, FOLDER, 'build-tr/image.manifest.json'), prefix: '' }, trustedRoot(false));
    expect(pieces.map(({ verification }) => 'code' in verification && verification.code).sort()).toEqual(['LOG_ENTRY_INVALID', SIGNATURE_MISENCODED]);
  });
});
