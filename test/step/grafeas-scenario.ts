// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, verify } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { parsePublicKey } from '../../lib/sigstore/public-key.ts';
import type { Bench } from './bench.ts';
import { expectDone } from './expectations.ts';
import { type Forge, foreignKey } from './forge.ts';
import { grypeReport, smallSbom, trivyReport } from './reports.ts';
import { runStep, type StepEnd, type StepRun } from './spawn-step.ts';

/** A bench, and a Grafeas server of whatever kind that the steps reach. Images are pushed below `team`: the same name again would be the same image with its evidence. */
export type Store = { bench: Bench; forge: Forge; url: string; team: string; workspaces?: Record<string, string>; params?: Record<string, string> };

export type WireOccurrence = { name: string; kind: string; noteName: string; resource: { uri: string } } & Record<string, unknown>;

const FINDINGS = [
  { id: 'CVE-2025-0001', severity: 'High', package: 'tiny', version: '1.0.0' },
  { id: 'CVE-2025-0001', severity: 'High', package: 'tiny-core', version: '1.0.0' },
  { id: 'GHSA-aaaa-bbbb-cccc', severity: 'Negligible', package: 'musl', version: '' },
];

/** Provenance of a PipelineRun as Chains writes it (slsa/v2alpha4), and members that no version of Grafeas knows. */
export function provenance(): Record<string, unknown> {
  return {
    buildDefinition: {
      buildType: 'https://tekton.dev/chains/v2/slsa',
      externalParameters: { runSpec: { pipelineRef: { name: 'build-image' } } },
      internalParameters: { labels: { team: 'shop' } },
      resolvedDependencies: [{ uri: 'git+https://git.example.com/shop', digest: { sha1: 'a'.repeat(40) }, invented: true }],
      invented: { by: 'nobody' },
    },
    runDetails: {
      builder: { id: 'https://tekton.dev/chains/v2', version: { chains: 4 } },
      metadata: { invocationId: 'run-1', startedOn: '2026-11-24T18:00:00Z', finishedOn: 'some time later' },
    },
  };
}

export function storeRun({ bench, url, workspaces, params }: Store, image: string, more: Record<string, string> = {}): StepRun {
  const { policy, trust, reports } = bench.workspaces;
  return {
    task: 'grafeas-store',
    params: { image, 'grafeas-url': url, project: 'shop', 'trusted-root': 'trusted_root.json', ...params, ...more },
    workspaces: { policy, trust, reports, ...workspaces },
  };
}

/** Runs mode=query and gives what it wrote. */
export async function query(store: Store, image: string, more: Record<string, string> = {}): Promise<WireOccurrence[]> {
  const end = await runStep(storeRun(store, image, { mode: 'query', ...more }));
  expect(end.code, end.stderr).toBe(0);
  const { occurrences } = JSON.parse(await readFile(join(store.bench.workspaces.reports, 'occurrences.json'), 'utf8'));
  expect(end.results['occurrences']).toBe(String(occurrences.length));
  return occurrences;
}

export const noteIds = (occurrences: readonly WireOccurrence[]): string[] =>
  occurrences.map(({ kind, noteName }) => `${kind} ${noteName.replace(/^projects\/[^/]+\/notes\//, '')}`).sort();

async function attach({ forge }: Store, image: string, type: string, predicate: unknown, by?: KeyObject): Promise<string> {
  return forge.attach(image, await forge.bundle(image, type, predicate, by && { by }), type);
}

async function releaseKey({ bench }: Store): Promise<KeyObject> {
  return parsePublicKey(await readFile(join(bench.workspaces.policy, 'cosign.pub'), 'utf8'), 'cosign.pub');
}

/** How many occurrences the step says there are, and how many of them it added. */
function counts({ results }: StepEnd): number[] {
  return [results['occurrences'], results['created']].map(Number);
}

async function recordsOnce(store: Store): Promise<void> {
  const image = await store.bench.pushImage(`${store.team}/whole`);
  await attach(store, image, PREDICATE_TYPE.signature, {});
  const sbom = smallSbom(image);
  const sbomReferrer = await attach(store, image, PREDICATE_TYPE.cyclonedx, sbom);
  await attach(store, image, PREDICATE_TYPE.slsaprovenance1, provenance());
  await attach(store, image, PREDICATE_TYPE.vsa, { verificationResult: 'PASSED' });
  await attach(store, image, 'https://example.com/approval/v1', { by: 'anna' });
  await attach(store, image, PREDICATE_TYPE.vuln, { scanner: { result: grypeReport(image, FINDINGS) } });
  const first = await runStep(storeRun(store, image));
  expectDone(first, image);
  expect(counts(first)).toEqual([8, 8]);
  const found = await query(store, image);
  expect(noteIds(found)).toEqual([
    'ATTESTATION tekton-supply-chain-attestation',
    'ATTESTATION tekton-supply-chain-simplesigning',
    'ATTESTATION tekton-supply-chain-vsa',
    'BUILD tekton-supply-chain-pipelinerun-intoto',
    'DISCOVERY tekton-supply-chain-discovery',
    'SBOM_REFERENCE sbom-cyclonedx-1-6',
    'VULNERABILITY CVE-2025-0001',
    'VULNERABILITY GHSA-aaaa-bbbb-cccc',
  ]);
  expect(new Set(found.map(({ resource }) => resource.uri))).toEqual(new Set([`https://${image}`]));
  const [reference] = found.filter(({ kind }) => kind === 'SBOM_REFERENCE');
  expect(reference?.['sbomReference']).toMatchObject({
    payload: {
      subject: [{ digest: { sha256: image.split('sha256:')[1] } }],
      predicate: {
        location: `oci://${image.split('@')[0]}@${sbomReferrer}`,
        mimeType: 'application/vnd.cyclonedx+json',
        digest: { sha256: sha256Digest(`${JSON.stringify(sbom)}\n`).slice(7) },
      },
    },
  });
  const second = await runStep(storeRun(store, image));
  expectDone(second, image);
  expect(counts(second)).toEqual([8, 0]);
  const other = await runStep(storeRun(store, image, { 'resource-uri-scheme': 'none' }));
  expect(counts(other)).toEqual([8, 0]);
  expect(await query(store, image)).toEqual(found);
}

async function verifiable(store: Store): Promise<void> {
  const image = await store.bench.pushImage(`${store.team}/letter`);
  await attach(store, image, PREDICATE_TYPE.signature, {});
  await attach(store, image, PREDICATE_TYPE.slsaprovenance1, provenance());
  expectDone(await runStep(storeRun(store, image, { 'note-id': 'release' })), image);
  const found = await query(store, image);
  expect(noteIds(found)).toEqual(['ATTESTATION release-simplesigning', 'BUILD release-pipelinerun-intoto']);
  const [signature, build] = found.sort((a, b) => (a.kind < b.kind ? -1 : 1)) as [SignedOccurrence, BuildOccurrence];
  const key = await releaseKey(store);
  const { serializedPayload, signatures } = signature.attestation.attestation.genericSignedAttestation;
  const [{ signature: bytes, publicKeyId }] = signatures;
  expect(verify('sha256', Buffer.from(serializedPayload, 'base64'), key, Buffer.from(bytes, 'base64'))).toBe(true);
  expect(publicKeyId).toMatch(/^ni:\/\/\/sha-256;[\w-]{43}$/);
  const { payload, payloadType, signatures: dsse } = signature.envelope;
  const body = Buffer.from(payload, 'base64');
  const covered = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body]);
  expect(verify('sha256', covered, key, Buffer.from(dsse[0].sig, 'base64'))).toBe(true);
  expect(JSON.parse(build.build.provenanceBytes)).toMatchObject({ predicate: provenance() });
  expect(build.build.provenance).toMatchObject({ id: 'run-1', creator: 'https://tekton.dev/chains/v2', startTime: '2026-11-24T18:00:00Z' });
  expect(build.build.inTotoSlsaProvenanceV1).toMatchObject({
    predicate: {
      buildDefinition: { externalParameters: { runSpec: { pipelineRef: { name: 'build-image' } } } },
      runDetails: { metadata: { invocationId: 'run-1' } },
    },
  });
}

async function leavesOut(store: Store): Promise<void> {
  const image = await store.bench.pushImage(`${store.team}/partly`);
  await attach(store, image, PREDICATE_TYPE.signature, {});
  const foreign = await attach(store, image, PREDICATE_TYPE.vsa, { verificationResult: 'PASSED' }, foreignKey());
  const pending = await store.forge.attachPending(
    image,
    await store.forge.bundle(image, PREDICATE_TYPE.vsa, {}, { logged: false }),
    PREDICATE_TYPE.vsa,
    await releaseKey(store),
  );
  const end = await runStep(storeRun(store, image));
  expect(end).toMatchObject({ code: 0, results: { subject: image, occurrences: '1', created: '1' } });
  expect(end.stderr).toMatch(new RegExp(`warn: left out ${foreign}: SIGNATURE_UNKNOWN`));
  expect(end.stderr).toContain(`warn: left out ${pending}: it is pending`);
  expect(noteIds(await query(store, image))).toEqual(['ATTESTATION tekton-supply-chain-simplesigning']);
}

async function laterScan(store: Store): Promise<void> {
  const image = await store.bench.pushImage(`${store.team}/scanned`);
  const { policy: _, ...unsigned } = storeRun(store, image).workspaces ?? {};
  const scan = async (report: unknown): Promise<StepEnd> => {
    await writeFile(join(store.bench.workspaces.reports, 'scan.json'), JSON.stringify(report));
    return runStep({ ...storeRun(store, image, { 'scan-report': 'scan.json' }), workspaces: unsigned });
  };
  expect(counts(await scan(trivyReport(image, FINDINGS.slice(0, 1))))).toEqual([2, 2]);
  expect(counts(await scan(trivyReport(image, FINDINGS.slice(0, 1))))).toEqual([2, 0]);
  expect(counts(await scan(trivyReport(image, FINDINGS)))).toEqual([3, 3]);
  const found = await query(store, image);
  expect(noteIds(found)).toEqual([
    'DISCOVERY tekton-supply-chain-discovery',
    'DISCOVERY tekton-supply-chain-discovery',
    'VULNERABILITY CVE-2025-0001',
    'VULNERABILITY CVE-2025-0001',
    'VULNERABILITY GHSA-aaaa-bbbb-cccc',
  ]);
  expect(found.find(({ kind }) => kind === 'VULNERABILITY')?.['vulnerability']).toMatchObject({
    severity: 'HIGH',
    packageIssue: [{ affectedLocation: { package: 'tiny', version: { name: '1.0.0' } }, fixedLocation: { version: { name: '9.9.9' } } }],
  });
}

async function deployments(store: Store): Promise<void> {
  const image = await store.bench.pushImage(`${store.team}/deployed`);
  const deploy = (config: string): Promise<StepEnd> =>
    runStep(storeRun(store, image, { mode: 'deployment', 'deploy-address': 'argocd/shop', 'deploy-config': config, 'deploy-user': 'anna@example.com' }));
  const first = await deploy('deploy@1111');
  expectDone(first, image);
  expect(counts(first)).toEqual([1, 1]);
  expect(counts(await deploy('deploy@1111'))).toEqual([1, 0]);
  expect(counts(await deploy('deploy@2222'))).toEqual([1, 1]);
  const found = await query(store, image);
  expect(found).toHaveLength(2);
  expect(found[0]?.['deployment']).toMatchObject({
    deployment: {
      address: 'argocd/shop',
      config: 'deploy@1111',
      platform: 'CUSTOM',
      userEmail: 'anna@example.com',
      deployTime: expect.stringMatching(/^2\d{3}-/),
    },
  });
}

async function ownQuery(store: Store): Promise<void> {
  const [image, neighbour] = [await store.bench.pushImage(`${store.team}/mine`), await store.bench.pushImage(`${store.team}/neighbour`)];
  for (const [one, project] of [
    [image, 'alike'],
    [image, 'alike-2'],
    [neighbour, 'alike'],
  ] as const)
    await runStep(storeRun(store, one, { project, mode: 'deployment', 'deploy-address': 'a', 'deploy-config': 'c' }));
  const found = await query(store, image, { project: 'alike' });
  expect(found.map(({ name, resource }) => [name.replace(/[^/]+$/, ''), resource.uri])).toEqual([['projects/alike/occurrences/', `https://${image}`]]);
  expect(await query(store, image, { project: 'unknown' })).toEqual([]);
}

/** What every server that speaks v1beta1 must hold after the step. */
export const SCENARIOS: readonly (readonly [title: string, scenario: (store: Store) => Promise<void>])[] = [
  ['records all that verifies, once', recordsOnce],
  ['what it records can be verified by the letter of the API and of DSSE, and read without decoding', verifiable],
  ['leaves out what does not verify', leavesOut],
  ['a later scan adds what is new, and the report file needs no policy', laterScan],
  ['records a deployment once for each address and configuration', deployments],
  ['a query sees its own project and artifact alone', ownQuery],
];

type SignedOccurrence = WireOccurrence & {
  attestation: { attestation: { genericSignedAttestation: { serializedPayload: string; signatures: [{ signature: string; publicKeyId: string }] } } };
  envelope: { payload: string; payloadType: string; signatures: [{ sig: string }] };
};
type BuildOccurrence = WireOccurrence & { build: { provenanceBytes: string; provenance: unknown; inTotoSlsaProvenanceV1: unknown } };
