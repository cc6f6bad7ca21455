// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { collectEvidence } from './collect.ts';
import { verifiedPieces } from './evidence.ts';
import { chainsKey, collectRecorded, recordedArtifacts, replay, trustedRoot, VECTORS } from './test-chains.ts';

const missing = !existsSync(VECTORS);
const SIGNATURE = { tag: expect.stringMatching(/^sha256-[0-9a-f]{64}\.sig$/), kind: 'signature', predicateType: 'https://sigstore.dev/cosign/sign/v1' };

function at(run: string): { image: string; prefix: string } {
  return { image: join(VECTORS, run, 'image.manifest.json'), prefix: '' };
}

describe('what a real Tekton Chains wrote under the tags .sig and .att', () => {
  it('verifies, all of it', async ({ skip }) => {
    skip(missing, `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const pieces = (await Promise.all(recordedArtifacts('tags').map((recorded) => collectRecorded(recorded)))).flatMap((evidence) => evidence.pieces);
    const signatures = pieces.filter(({ kind }) => kind === 'signature');
    const attestations = pieces.filter(({ kind }) => kind === 'attestation');
    expect(signatures).toHaveLength(25);
    expect(attestations.length).toBeGreaterThan(25);
    expect(pieces).toHaveLength(signatures.length + attestations.length);
    for (const piece of signatures) expect(piece).toMatchObject({ ...SIGNATURE, verification: { state: 'verified', signers: [{ name: 'chains' }] } });
    for (const { tag, predicateType, verification } of attestations) {
      expect(verification).toMatchObject({ state: 'verified', signers: [{ name: 'chains' }] });
      expect([tag, predicateType]).toEqual([expect.stringMatching(/\.att$/), expect.stringMatching(/^https:\/\/slsa\.dev\/provenance\/v(0\.2|1)$/)]);
    }
  });

  it('is found as two provenances where TaskRun and PipelineRun both attest', async ({ skip }) => {
    skip(missing, `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const evidence = await collectRecorded(at('slsa-v2alpha4.dsse/build-pr'));
    expect(new Set(verifiedPieces(evidence, 'attestation').map(({ payloadDigest }) => payloadDigest)).size).toBe(2);
  });

  it('is promised by the log, at a time, though nothing proves its place', async ({ skip }) => {
    skip(missing, `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const evidence = await collectRecorded(at('rekor-v1.slsa-v2alpha4.dsse/build-tr'), trustedRoot(true));
    const [attestation] = verifiedPieces(evidence, 'attestation');
    expect(attestation?.verification).toMatchObject({ log: { log: 'http://rekor.lab.example', index: 6 }, time: { at: new Date(1_795_559_759_000) } });
    expect(attestation?.verification.log).not.toHaveProperty('treeSize');
    // Chains leaves the promise out of its signature, although the entry exists.
    expect(verifiedPieces(evidence, 'signature')).toMatchObject([{ verification: { logProblem: 'it holds no transparency log entry' } }]);
  });

  it('is rejected for any other key, and for any other image', async ({ skip }) => {
    skip(missing, `no Chains vectors at ${VECTORS}: set TSC_VECTORS`);
    const stranger = await collectRecorded(at('slsa-v2alpha4.dsse/build-tr'), undefined, newSigningKey('stranger').key);
    expect(stranger.pieces.map(({ verification }) => 'code' in verification && verification.code)).toEqual(['SIGNATURE_UNKNOWN', 'SIGNATURE_UNKNOWN']);
    const keys = [{ name: 'chains', key: chainsKey() }];
    const [moved, other] = [replay(at('slsa-v2alpha4.dsse/build-tr')), replay(at('slsa-v2alpha4.dsse/failed-tr'))];
    const { pieces } = await collectEvidence(moved.registry, other.reference, { keys, trust: undefined });
    expect(pieces.map(({ verification }) => 'code' in verification && verification.code)).toEqual(['SUBJECT_MISMATCH', 'SUBJECT_MISMATCH']);
  });
});
