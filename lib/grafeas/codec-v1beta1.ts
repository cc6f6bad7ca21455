// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { sha256Digest } from '../reference/digest.ts';
import type { BuildContent, Content, Occurrence, PackageIssue } from './occurrence.ts';
import { readProvenance } from './slsa.ts';
import { type Codec, deploymentWire, envelopeWire, IDENTITY, sbomReferenceWire, signedPayloadWire, type Wire } from './wire.ts';

const text = z.string().catch('');
const Location = z.object({ package: text, version: z.object({ name: text }).catch({ name: '' }) });
const Nothing = { package: '', version: { name: '' } };
const Vulnerability = z.object({
  severity: text,
  packageIssue: z.array(z.object({ affectedLocation: Location.catch(Nothing), fixedLocation: Location.catch(Nothing) })).min(1),
});
const Build = z.object({ provenanceBytes: z.string().min(1) });
const Resource = z.object({ uri: z.string() });
const ATTESTATION = z.object({ attestation: z.object({ genericSignedAttestation: z.unknown() }) });

/**
 * The API of the reference server (grafeas v0.2.3, proto/v1beta1). Enums go by name, because their numbers differ between versions; members that are
 * zero are left out, as the server leaves them out.
 */
export const v1beta1: Codec = {
  api: 'v1beta1',
  note(parent, occurrence) {
    return { name: `${parent}/notes/${occurrence.noteId}`, kind: kindOf(occurrence.content), ...noteType(occurrence) };
  },
  occurrence(parent, { noteId, resourceUri, content }) {
    return { noteName: `${parent}/notes/${noteId}`, resource: { uri: resourceUri }, kind: kindOf(content), ...details(content, resourceUri) };
  },
  resourceUri: (wire) => Resource.safeParse(wire['resource']).data?.uri ?? '',
  identity,
  filter: () => undefined,
};

function kindOf({ kind }: Content): string {
  return kind === 'DSSE_ATTESTATION' ? 'ATTESTATION' : kind;
}

function noteType({ noteId, content }: Occurrence): Wire {
  switch (content.kind) {
    case 'ATTESTATION':
    case 'DSSE_ATTESTATION':
      return { attestationAuthority: { hint: { humanReadableName: content.hint } } };
    case 'BUILD':
      return { build: { builderVersion: content.builder } };
    case 'SBOM_REFERENCE':
      return { sbomReference: { format: content.format, version: content.version } };
    case 'DISCOVERY':
      return { discovery: { analysisKind: 'VULNERABILITY' } };
    case 'VULNERABILITY':
      return { shortDescription: noteId, vulnerability: content.severity === 'SEVERITY_UNSPECIFIED' ? {} : { severity: content.severity } };
    case 'DEPLOYMENT':
      return { deployable: { resourceUri: [content.deployable] } };
  }
}

function details(content: Content, uri: string): Wire {
  switch (content.kind) {
    case 'ATTESTATION':
    case 'DSSE_ATTESTATION':
      return { attestation: { attestation: { genericSignedAttestation: signedPayloadWire(content.envelope) } }, envelope: envelopeWire(content.envelope) };
    case 'BUILD':
      return { build: buildDetails(content, uri), envelope: envelopeWire(content.envelope) };
    case 'SBOM_REFERENCE':
      return { sbomReference: sbomReferenceWire(content) };
    case 'DISCOVERY':
      return {
        discovered: {
          discovered: { continuousAnalysis: 'INACTIVE', analysisStatus: 'FINISHED_SUCCESS', analysisCompleted: { analysisType: content.analyses } },
        },
      };
    case 'VULNERABILITY':
      return {
        vulnerability: {
          ...(content.severity !== 'SEVERITY_UNSPECIFIED' && { severity: content.severity, effectiveSeverity: content.severity }),
          packageIssue: content.issues.map(packageIssue),
        },
      };
    case 'DEPLOYMENT':
      return { deployment: { deployment: deploymentWire(content) } };
  }
}

/** The server wants `provenance.id` also where SLSA v1 provenance is given. `provenanceBytes` hold the statement as it was signed, readable without decoding. */
function buildDetails({ statement, envelope }: BuildContent, uri: string): Wire {
  const facts = readProvenance(statement);
  const digest = sha256Digest(envelope.payload);
  return {
    provenance: {
      id: facts?.invocationId ?? digest,
      ...(facts?.startTime !== undefined && { startTime: facts.startTime }),
      ...(facts?.endTime !== undefined && { endTime: facts.endTime }),
      ...(facts?.builder && { creator: facts.builder }),
      builtArtifacts: [{ checksum: uri.slice(uri.indexOf('@') + 1), id: uri }],
    },
    provenanceBytes: envelope.payload.toString('utf8'),
    ...(facts?.version === 'v1' && { inTotoSlsaProvenanceV1: { ...facts.head, predicate: facts.predicate } }),
  };
}

function packageIssue(issue: PackageIssue): Wire {
  const location = (version: string): Wire => ({
    cpeUri: issue.cpeUri,
    package: issue.package,
    version: version === '' ? { kind: 'MINIMUM' } : { name: version, kind: 'NORMAL' },
  });
  return {
    affectedLocation: location(issue.version),
    ...(issue.fixedIn !== undefined && { fixedLocation: location(issue.fixedIn) }),
    severityName: issue.severityName,
    packageType: issue.packageType,
  };
}

function identity(wire: Wire): string | undefined {
  const attestation = ATTESTATION.safeParse(wire['attestation']).data;
  if (attestation) return IDENTITY.signedPayload(attestation.attestation.genericSignedAttestation);
  const build = Build.safeParse(wire['build']).data;
  if (build) return sha256Digest(build.provenanceBytes);
  if (wire['sbomReference'] !== undefined) return IDENTITY.sbomReference(wire['sbomReference']);
  const discovered = z.object({ discovered: z.unknown() }).safeParse(wire['discovered']).data;
  if (discovered) return IDENTITY.analysis(discovered.discovered);
  const deployment = z.object({ deployment: z.unknown() }).safeParse(wire['deployment']).data;
  if (deployment) return IDENTITY.deployment(deployment.deployment);
  const vulnerability = Vulnerability.safeParse(wire['vulnerability']).data;
  if (!vulnerability) return undefined;
  const issues = vulnerability.packageIssue.map(({ affectedLocation, fixedLocation }) => ({
    package: affectedLocation.package,
    version: affectedLocation.version.name,
    fixedIn: fixedLocation.version.name,
  }));
  return IDENTITY.vulnerability(vulnerability.severity, issues);
}
