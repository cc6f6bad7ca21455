// SPDX-License-Identifier: Apache-2.0
// An image with good evidence of every type, and ways to spoil it, for the tests of this room.
import { refusedError } from '../errors/errors.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { encodeStatement } from '../intoto/statement.ts';
import { APPROVAL_TYPE } from '../policy/approval-predicate.ts';
import { parsePolicy } from '../policy/policy.ts';
import { digestHex, sha256Digest } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type Descriptor, MEDIA_TYPE } from '../registry/oci.ts';
import { BUNDLE_MEDIA_TYPE, encodeBundle, signStatement } from '../sigstore/bundle.ts';
import type { LocalKey } from '../sigstore/signing-key.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { type LoadedPolicy, policySigners } from './load-policy.ts';

export const NOW = new Date('2026-08-15T12:00:00Z');
export const TESTS = 'https://example.com/tests/v1';
export const VULNS = 'https://in-toto.io/attestation/vulns/v0.2';
export const { signature: SIGNATURE, cyclonedx: SBOM, slsaprovenance1: PROVENANCE, openvex: VEX } = PREDICATE_TYPE;
export const APPROVAL = APPROVAL_TYPE;

const NAMES = ['release', 'builder', 'qa', 'scanner', 'vendor', 'gate', 'stranger'] as const;
export type Name = (typeof NAMES)[number];
export const KEYS = Object.fromEntries(NAMES.map((name) => [name, newSigningKey(name)])) as Record<Name, LocalKey>;

/** Bytes of the rule that a type of evidence is for, by its id. */
export const RULES: Readonly<Record<string, string>> = {
  signed: 'type: signature, signers: { any: [release] }',
  logged: 'type: log-entry, signers: { any: [release] }',
  built:
    'type: provenance, signers: { any: [builder] }, builders: ["https://builder.example"], source: { repositories: ["https://git.example/team/**"], refs: ["refs/heads/*"] }',
  based: 'type: base-image, signers: { any: [builder] }, allow: ["registry.example.com/base/**"]',
  tested: `type: attestation, predicateType: "${TESTS}", signers: { any: [qa] }, conditions: [{ path: /suites/*/failed, max: 0 }, { path: /suites/*/name, matches: "([a-z]|[a-z0-9])+" }]`,
  sbom: 'type: sbom, requireComplete: false, signers: { any: [release] }, forbiddenLicences: [AGPL-*], forbiddenPackages: ["pkg:npm/evil@*"]',
  scanned: `type: vulnerabilities, report: { file: false, attestation: { predicateTypes: ["${VULNS}", cyclonedx], signers: { any: [scanner] } } }, block: [{ severity: high }], vex: { signers: { any: [vendor] } }`,
  approved: 'type: approval, signers: { any: [gate] }, minApprovers: 2, environments: [production]',
};

export function policyWith(changes: Readonly<Record<string, string>> = {}): LoadedPolicy {
  const signers = NAMES.filter((name) => name !== 'stranger').map(
    (name) => `{ name: ${name}, key: { data: ${JSON.stringify(KEYS[name].key.export({ format: 'pem', type: 'spki' }))} } }`,
  );
  const rules = Object.entries({ ...RULES, ...changes }).map(([id, text]) => `  - { id: ${id}, ${text} }`);
  const bytes = Buffer.from(
    `apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: { name: hostile }\nsigners: [${signers.join(', ')}]\nrules:\n${rules.join('\n')}\n`,
  );
  const policy = parsePolicy(bytes, 'policy.yaml');
  return { policy, digest: sha256Digest(bytes), ...policySigners(policy, new Map()) };
}

const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: { mediaType: MEDIA_TYPE.ociConfig, digest: sha256Digest(''), size: 0 },
    layers: [],
  }),
);
export const IMAGE: DigestReference = { registry: 'registry.example.com', repository: 'team/app', digest: sha256Digest(MANIFEST) };
export const HEX = digestHex(IMAGE.digest);
export const OTHER_HEX = 'f'.repeat(64);

/** A predicate by a signer. */
export type Said = { by: Name; predicate: unknown };

export const GIT = { uri: 'git+https://git.example/team/app@refs/heads/main', digest: { gitCommit: 'c'.repeat(40) } };
export const BASE = { uri: 'oci://registry.example.com/base/node', digest: { sha256: 'd'.repeat(64) } };

export const provenance = (dependencies: unknown = [GIT, BASE], more: object = {}, id: unknown = 'https://builder.example') => ({
  buildDefinition: { buildType: 'https://builder.example/type', externalParameters: {}, resolvedDependencies: dependencies, ...more },
  runDetails: { builder: { id } },
});
export const sbom = (components: unknown = [{ type: 'library', name: 'p', version: '1', purl: 'pkg:npm/p@1' }], more: object = {}) => ({
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { component: { type: 'container', name: 'app', purl: `pkg:oci/app@sha256%3A${HEX}` } },
  components,
  ...more,
});
export const scan = (result: unknown = [{ id: 'CVE-2026-1', severity: [{ method: 'nvd', score: 'high' }], annotations: [{ purl: 'pkg:npm/p@1' }] }]) => ({
  scanner: { uri: 'pkg:generic/scanner', version: '1', db: { lastUpdate: '2026-08-01T00:00:00Z' }, result },
  metadata: { scanStartedOn: '2026-08-01T00:00:00Z', scanFinishedOn: '2026-08-01T00:01:00Z' },
});
export const vexStatement = (more: object = {}) => ({
  vulnerability: { name: 'CVE-2026-1' },
  products: [{ '@id': `pkg:oci/app@sha256%3A${HEX}` }],
  status: 'not_affected',
  justification: 'component_not_present',
  ...more,
});
export const vex = (statements: unknown = [vexStatement()], timestamp: unknown = '2026-08-02T00:00:00Z') => ({
  '@context': 'https://openvex.dev/ns/v0.2.0',
  timestamp,
  statements,
});
export const approval = (more: object = {}) => ({
  ...{ gate: 'release', decision: 'approved', approvers: ['alice', 'bob'], requester: 'carol', environment: 'production', decidedAt: '2026-08-14T00:00:00Z' },
  ...more,
});

/** What meets every rule but `logged`, by predicate type. */
export const GOOD: Readonly<Record<string, Said>> = {
  [PROVENANCE]: { by: 'builder', predicate: provenance() },
  [TESTS]: { by: 'qa', predicate: { suites: [{ name: 'unit', failed: 0 }] } },
  [SBOM]: { by: 'release', predicate: sbom() },
  [VULNS]: { by: 'scanner', predicate: scan() },
  [VEX]: { by: 'vendor', predicate: vex() },
  [APPROVAL]: { by: 'gate', predicate: approval() },
};

/** A signed bundle about this image. */
export function bundle(type: string, predicate: unknown, by: Name, sha256 = HEX): Buffer {
  return signed(encodeStatement([{ sha256 }], type, predicate), by);
}

/** A signed bundle of any payload. */
export function signed(payload: Buffer | string, by: Name): Buffer {
  return encodeBundle(signStatement(Buffer.from(payload), KEYS[by].privateKey));
}

/** A registry that holds the image and these bundles about it. */
export function registryOf(bundles: readonly Buffer[]): Registry {
  const contents = new Map<string, Buffer>([[IMAGE.digest, MANIFEST]]);
  const keep = (bytes: Buffer): { digest: string; size: number } => {
    const digest = sha256Digest(bytes);
    contents.set(digest, bytes);
    return { digest, size: bytes.length };
  };
  const empty = { mediaType: MEDIA_TYPE.ociEmpty, ...keep(Buffer.from('{}')) };
  const referrers = bundles.map((bytes): Descriptor => {
    const layers = [{ mediaType: BUNDLE_MEDIA_TYPE, ...keep(bytes) }];
    const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, artifactType: BUNDLE_MEDIA_TYPE, config: empty, layers };
    return { mediaType: MEDIA_TYPE.ociManifest, artifactType: BUNDLE_MEDIA_TYPE, ...keep(Buffer.from(JSON.stringify(manifest))) };
  });
  const find = (digest: string): Buffer => contents.get(digest) ?? Buffer.alloc(0);
  return {
    referrers: async () => referrers,
    resolve: async () => {
      throw refusedError('MANIFEST_UNKNOWN', 'there is no such tag');
    },
    manifest: async ({ digest }: DigestReference) => ({
      bytes: find(digest),
      descriptor: { mediaType: MEDIA_TYPE.ociManifest, digest, size: find(digest).length },
    }),
    async *blob(_repository: unknown, { digest }: Descriptor) {
      yield find(digest);
    },
  } as unknown as Registry;
}

/** What a case changes of the good evidence: bundles in place of those of a type (no bundle at all where the list is empty), and more beside them. */
export type Change = { [type: string]: readonly (Buffer | (() => Buffer))[] };
export type Options = { rules?: Readonly<Record<string, string>>; now?: string; scan?: unknown };
/** A name, the answer that must come, and what spoils the good evidence. */
export type Hostile = [name: string, answer: string, change: Change, options?: Options];

/** The predicate in place of the good one, by the right signer or another one. */
export const say = (type: string, predicate: unknown, by: Name = GOOD[type]?.by ?? 'release'): Change => ({ [type]: [() => bundle(type, predicate, by)] });
/** The same beside the good one. */
export const add = (type: string, predicate: unknown, by: Name): Change => ({ [`more ${type}`]: [() => bundle(type, predicate, by)] });
/** The good predicate by another signer. */
export const forged = (type: string, by: Name): Change => say(type, GOOD[type]?.predicate ?? {}, by);
export const many = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
