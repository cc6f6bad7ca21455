// SPDX-License-Identifier: Apache-2.0
import { encodeStatement, parseStatement } from '../intoto/statement.ts';
import type { BuildContent, Content, Occurrence, SignedEnvelope } from './occurrence.ts';

export const IMAGE_SHA256: string = 'ab'.repeat(32);
export const RESOURCE_URI: string = `https://r.example.com/team/app@sha256:${IMAGE_SHA256}`;

export function envelope(text = 'payload', signature = 'signature'): SignedEnvelope {
  return { payload: Buffer.from(text), payloadType: 'application/vnd.in-toto+json', signature: Buffer.from(signature), publicKeyId: 'ni:///sha-256;AAAA' };
}

/** A build by a statement of the given predicate. */
export function build(predicateType: string, predicate: unknown): BuildContent {
  const payload = encodeStatement([{ sha256: IMAGE_SHA256, name: 'app' }], predicateType, predicate);
  return { kind: 'BUILD', builder: 'https://example.com/builder', statement: parseStatement(payload, 'test'), envelope: { ...envelope(), payload } };
}

const V1 = {
  buildDefinition: {
    buildType: 'https://example.com/build',
    externalParameters: { source: 'git' },
    internalParameters: {},
    resolvedDependencies: [
      { name: 'src', uri: 'git+https://g.example.com/app', digest: { sha1: 'a'.repeat(40) }, content: 'AAAA', mediaType: 'x', annotations: { note: { n: 1 } } },
    ],
  },
  runDetails: {
    builder: { id: 'https://example.com/builder', version: { tekton: 'v1' } },
    metadata: { invocationId: 'run-1', startedOn: '2026-11-24T18:00:00Z', finishedOn: '2026-11-24T18:01:00+01:00' },
    byproducts: [],
  },
};
const V02 = {
  builder: { id: 'https://tekton.dev/chains/v2' },
  buildType: 'tekton.dev/v1/TaskRun',
  invocation: { configSource: { uri: 'git', digest: { sha1: 'a' }, entryPoint: 'build.yaml' }, parameters: { p: 1 }, environment: {} },
  buildConfig: { steps: [] },
  metadata: {
    buildInvocationId: 'i',
    buildStartedOn: '2026-11-24T18:00:00Z',
    completeness: { parameters: true, environment: false, materials: false },
    reproducible: false,
  },
  materials: [{ uri: 'git', digest: { sha1: 'a' } }],
};
const ISSUE = { package: 'musl', version: '1.2.5-r10', cpeUri: 'pkg:apk/musl@1.2.5-r10', packageType: 'APK', fixedIn: '1.2.6-r0', severityName: 'HIGH' };

/** One content of each kind, and where it matters one more that differs. */
export const CONTENTS: Readonly<Record<string, Content>> = {
  signature: { kind: 'ATTESTATION', hint: 'release', envelope: envelope() },
  'another signature of the same payload': { kind: 'ATTESTATION', hint: 'release', envelope: envelope('payload', 'other') },
  'a signature of another payload': { kind: 'ATTESTATION', hint: 'release', envelope: envelope('other') },
  attestation: { kind: 'DSSE_ATTESTATION', hint: 'release', envelope: envelope('attestation') },
  'provenance v1': build('https://slsa.dev/provenance/v1', V1),
  'provenance v0.2': build('https://slsa.dev/provenance/v0.2', V02),
  sbom: {
    kind: 'SBOM_REFERENCE',
    format: 'cyclonedx',
    version: '1.6',
    subject: { name: 'r.example.com/team/app', sha256: IMAGE_SHA256 },
    referrerId: 'https://example.com/step',
    location: `oci://r.example.com/team/app@sha256:${'cd'.repeat(32)}`,
    mimeType: 'application/vnd.cyclonedx+json',
    sha256: 'ef'.repeat(32),
  },
  scan: { kind: 'DISCOVERY', analyses: ['grype 0.121.2', `report sha256:${'12'.repeat(32)}`], finishedAt: '2026-11-24T18:00:00Z' },
  'another scan': { kind: 'DISCOVERY', analyses: ['grype 0.121.2', `report sha256:${'34'.repeat(32)}`], finishedAt: undefined },
  vulnerability: { kind: 'VULNERABILITY', severity: 'HIGH', issues: [ISSUE] },
  'a vulnerability without a fix': { kind: 'VULNERABILITY', severity: 'HIGH', issues: [{ ...ISSUE, fixedIn: undefined }] },
  'a vulnerability of unknown severity and version': { kind: 'VULNERABILITY', severity: 'SEVERITY_UNSPECIFIED', issues: [{ ...ISSUE, version: '' }] },
  deployment: {
    kind: 'DEPLOYMENT',
    deployable: 'https://r.example.com/team/app',
    address: 'argocd/shop',
    config: 'deploy@1',
    deployTime: '2026-11-24T18:00:00Z',
    userEmail: 'a@example.com',
  },
  'a deployment of another commit': {
    kind: 'DEPLOYMENT',
    deployable: 'https://r.example.com/team/app',
    address: 'argocd/shop',
    config: 'deploy@2',
    deployTime: '2026-11-24T18:00:00Z',
    userEmail: undefined,
  },
};

export function occurrence(content: Content, noteId = 'release-note', resourceUri = RESOURCE_URI): Occurrence {
  return { noteId, resourceUri, content };
}
