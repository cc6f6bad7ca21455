// SPDX-License-Identifier: Apache-2.0
import { sign, verify } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256Digest } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type Descriptor, parseManifest } from '../registry/oci.ts';
import { decodeBundle } from '../sigstore/bundle.ts';
import { parsePublicKey } from '../sigstore/public-key.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { altered, signedBundle } from '../sigstore/test-log.ts';
import { parseTrustedRoot, type Trust } from '../sigstore/trusted-root.ts';
import { whoSigned } from '../sigstore/who-signed.ts';
import { type CollectedEvidence, collectEvidence } from './collect.ts';
import { verifiedPieces } from './evidence.ts';

// What a real Tekton Chains wrote into a registry; see the README beside the vectors.
const VECTORS = join(process.env['TSC_VECTORS'] ?? join(import.meta.dirname, '../../../shared/vectors'), 'chains');
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** An artifact of the recording: the path of its manifest, and of the files about it (`image2.` or nothing before their names). */
type Recorded = { image: string; prefix: string };

function recordedArtifacts(): Recorded[] {
  const files = readdirSync(VECTORS, { recursive: true, encoding: 'utf8' });
  const listings = files.filter((file) => /(^|[/.])referrers(-tag)?\.json$/.test(file));
  return listings.map((file) => {
    const prefix = basename(file).startsWith('image2.') ? 'image2.' : '';
    return { image: join(VECTORS, dirname(file), `${prefix}image.manifest.json`), prefix };
  });
}

/** The recorded files as a registry that holds them. */
function replay({ image, prefix }: Recorded): { registry: Registry; reference: DigestReference } {
  const folder = dirname(image);
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const own = readdirSync(folder).filter((name) => name.startsWith(`${prefix}referrer`));
  const content = new Map(own.map((name) => [sha256Digest(read(name)), read(name)]));
  const find = (digest: string): Buffer => {
    const bytes = content.get(digest);
    if (!bytes) throw new Error(`${digest} was not recorded in ${folder}`);
    return bytes;
  };
  const listing = own.find((name) => /referrers(-tag)?\.json$/.test(name)) ?? '';
  const registry = {
    referrers: async (): Promise<Descriptor[]> => {
      const index = parseManifest(read(listing), undefined);
      return index.kind === 'index' ? index.manifests : [];
    },
    manifest: async ({ digest }: DigestReference) => ({ bytes: find(digest), descriptor: { mediaType: '', digest, size: find(digest).length } }),
    async *blob(_repository: unknown, { digest }: Descriptor) {
      yield find(digest);
    },
  } as unknown as Registry;
  return { registry, reference: { registry: 'r.example.com', repository: 'chains', digest: sha256Digest(readFileSync(image)) } };
}

async function collect(recorded: Recorded, trust?: Trust, key = chainsKey()): Promise<CollectedEvidence> {
  const { registry, reference } = replay(recorded);
  return collectEvidence(registry, reference, { keys: [{ name: 'chains', key }], trust });
}

function chainsKey(): ReturnType<typeof parsePublicKey> {
  return parsePublicKey(readFileSync(join(VECTORS, 'cosign.pub'), 'utf8'), 'cosign.pub');
}

/** The recorded trusted root. Its base URL is an address, and the log calls itself by a host name; `named` makes the two agree. */
function trustedRoot(named: boolean): Trust {
  const text = readFileSync(join(VECTORS, 'rekor-v1.trusted-root.json'), 'utf8');
  return parseTrustedRoot(named ? text.replace('http://192.0.2.2:3100', 'http://rekor.lab.example') : text);
}

describe('an image signature of the kind that Tekton Chains writes', () => {
  it.each([
    ['with its own payload type', SIMPLE_SIGNING],
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
    const signatures = pieces.filter(({ bundle }) => bundle?.payloadType === SIMPLE_SIGNING);
    const attestations = pieces.filter(({ bundle }) => bundle?.payloadType === 'application/vnd.in-toto+json');
    expect([pieces.length, signatures.length, attestations.length]).toEqual([46, 20, 26]);
    for (const { verification } of signatures) expect(verification).toMatchObject({ state: 'rejected', code: 'STATEMENT_INVALID' });
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
    expect(bundle.payloadType).toBe(SIMPLE_SIGNING);
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
    expect(stranger.pieces.map(({ verification }) => 'code' in verification && verification.code).sort()).toEqual(['SIGNATURE_UNKNOWN', 'STATEMENT_INVALID']);
    const keys = [{ name: 'chains', key: chainsKey() }];
    const moved = await collectEvidence(replay(recorded).registry, replay(other).reference, { keys, trust: undefined });
    expect(moved.pieces.map(({ verification }) => 'code' in verification && verification.code).sort()).toEqual(['STATEMENT_INVALID', 'SUBJECT_MISMATCH']);
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
    expect(pieces.map(({ verification }) => 'code' in verification && verification.code).sort()).toEqual(['LOG_ENTRY_INVALID', 'STATEMENT_INVALID']);
  });
});
