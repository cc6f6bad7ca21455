// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import type { CollectedPiece } from '../../lib/evidence/piece.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { encodeStatement, parseStatement } from '../../lib/intoto/statement.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { signStatement } from '../../lib/sigstore/bundle.ts';
import { recordedBundle } from '../../lib/sigstore/test-real-stack.ts';
import { mapPiece } from './from-evidence.ts';

const HEX = 'ab'.repeat(32);
const image = parseDigestReference(`r.example.com/team/app@sha256:${HEX}`);
const naming = { image, noteId: 'release', resourceUri: `https://r.example.com/team/app@sha256:${HEX}` };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function piece(predicateType: string, predicate: unknown, more: Partial<CollectedPiece> = {}): CollectedPiece {
  const payload = encodeStatement([{ sha256: HEX }], predicateType, predicate);
  return {
    kind: predicateType === PREDICATE_TYPE.signature ? 'signature' : 'attestation',
    digest: `sha256:${'cd'.repeat(32)}`,
    artifactType: 'x',
    predicateType,
    statement: parseStatement(payload, 'test'),
    payloadDigest: undefined,
    manifest: undefined,
    bundle: signStatement(payload, privateKey),
    verification: { state: 'verified', signers: [{ name: 'release', fingerprint: `sha256:${'00'.repeat(32)}` }], log: undefined, time: undefined },
    ...more,
  };
}

test.each([
  [PREDICATE_TYPE.signature, {}, 'release-simplesigning', 'ATTESTATION'],
  [PREDICATE_TYPE.vsa, {}, 'release-vsa', 'DSSE_ATTESTATION'],
  [PREDICATE_TYPE.openvex, {}, 'release-openvex', 'DSSE_ATTESTATION'],
  ['https://example.com/approval/v1', {}, 'release-attestation', 'DSSE_ATTESTATION'],
  [PREDICATE_TYPE.slsaprovenance1, {}, 'release-intoto', 'BUILD'],
  [PREDICATE_TYPE.slsaprovenance, { buildType: 'tekton.dev/v1/TaskRun' }, 'release-taskrun-intoto', 'BUILD'],
  [PREDICATE_TYPE.slsaprovenance1, 'none', 'release-slsaprovenance1', 'DSSE_ATTESTATION'],
  [PREDICATE_TYPE.cyclonedx, { bomFormat: 'CycloneDX', specVersion: '1.6' }, 'sbom-cyclonedx-1-6', 'SBOM_REFERENCE'],
  [PREDICATE_TYPE.spdxjson, { spdxVersion: 'SPDX-2.3' }, 'sbom-spdx-2-3', 'SBOM_REFERENCE'],
])('%s %j hangs on note %s', (type, predicate, noteId, kind) => {
  expect(mapPiece(piece(type, predicate), naming)).toMatchObject({ occurrence: { noteId, resourceUri: naming.resourceUri, content: { kind } } });
});

test('the key of an attestation without a key of its own is that of its certificate', () => {
  const bundle = recordedBundle('keylessV2');
  const { publicKey } = new X509Certificate(bundle.certificate ?? '');
  const id = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64url');
  const mapped = mapPiece(piece(PREDICATE_TYPE.signature, {}, { bundle }), naming);
  expect(mapped).toMatchObject({ occurrence: { content: { envelope: { publicKeyId: `ni:///sha-256;${id}` } } } });
});

test('a scan is handed on', () => {
  expect(mapPiece(piece(PREDICATE_TYPE.vuln, { scanner: 1 }), naming)).toEqual({ scan: { scanner: 1 } });
});

test.each<[string, CollectedPiece, RegExp]>([
  [
    'what was rejected',
    piece(PREDICATE_TYPE.vsa, {}, { verification: { state: 'rejected', code: 'SUBJECT_MISMATCH', reason: 'it speaks about another artifact' } }),
    /SUBJECT_MISMATCH/,
  ],
  ['what is pending', piece(PREDICATE_TYPE.signature, {}, { kind: 'pending' }), /pending/],
  ['what is too large', piece(PREDICATE_TYPE.vsa, { text: 'x'.repeat(300_000) }), /more than the 262144/],
  ['what has no bundle', piece(PREDICATE_TYPE.vsa, {}, { bundle: undefined }), /no attestation/],
  ['an SBOM of no known format', piece(PREDICATE_TYPE.cyclonedx, { bomFormat: 'CycloneDX' }), /not an SBOM/],
  ['an SBOM that is a text', piece(PREDICATE_TYPE.spdxjson, 'SPDXVersion: SPDX-2.3'), /not an SBOM/],
  ['an SBOM whose version is a path', piece(PREDICATE_TYPE.cyclonedx, { bomFormat: 'CycloneDX', specVersion: '1.6/../../x' }), /not an SBOM/],
])('%s is left out', (_, one, why) => {
  expect(mapPiece(one, naming)).toMatchObject({ leftOut: expect.stringMatching(why) });
});

test('a large SBOM is referred to all the same, because it stays where it is', () => {
  const bom = { bomFormat: 'CycloneDX', specVersion: '1.6', text: 'x'.repeat(300_000) };
  expect(mapPiece(piece(PREDICATE_TYPE.cyclonedx, bom), naming)).toMatchObject({ occurrence: { content: { kind: 'SBOM_REFERENCE' } } });
});
