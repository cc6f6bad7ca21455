// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { BuildContent, Content, Occurrence, PackageIssue } from './occurrence.ts';
import { readProvenance } from './slsa.ts';
import { type Codec, deploymentWire, envelopeWire, IDENTITY, sbomReferenceWire, signedPayloadWire, type Wire } from './wire.ts';

const text = z.string().catch('');
const version = z.object({ name: text }).catch({ name: '' });
const Vulnerability = z.object({
  severity: text,
  packageIssue: z.array(z.object({ affectedPackage: text, affectedVersion: version, fixedVersion: version })).min(1),
});

/** The API of Google's Container Analysis (grafeas v0.2.3, proto/v1). Written from the protos and checked against no running service. */
export const v1: Codec = {
  api: 'v1',
  note(parent, occurrence) {
    return { name: `${parent}/notes/${occurrence.noteId}`, kind: occurrence.content.kind, ...noteType(occurrence) };
  },
  occurrence(parent, { noteId, resourceUri, content }) {
    return { noteName: `${parent}/notes/${noteId}`, resourceUri, kind: content.kind, ...details(content) };
  },
  resourceUri: (wire) => z.string().safeParse(wire['resourceUri']).data ?? '',
  identity,
  // Container Analysis wants the older name of the field here.
  filter: (uri) => `resourceUrl=${JSON.stringify(uri)}`,
};

function noteType({ noteId, content }: Occurrence): Wire {
  switch (content.kind) {
    case 'ATTESTATION':
      return { attestation: { hint: { humanReadableName: content.hint } } };
    case 'DSSE_ATTESTATION':
      return { dsseAttestation: { hint: { humanReadableName: content.hint } } };
    case 'BUILD':
      return { build: { builderVersion: content.builder } };
    case 'SBOM_REFERENCE':
      return { sbomReference: { format: content.format, version: content.version } };
    case 'DISCOVERY':
      return { discovery: { analysisKind: 'VULNERABILITY' } };
    case 'VULNERABILITY':
      return { shortDescription: noteId, vulnerability: content.severity === 'SEVERITY_UNSPECIFIED' ? {} : { severity: content.severity } };
    case 'DEPLOYMENT':
      return { deployment: { resourceUri: [content.deployable] } };
  }
}

function details(content: Content): Wire {
  switch (content.kind) {
    case 'ATTESTATION':
      return { attestation: signedPayloadWire(content.envelope), envelope: envelopeWire(content.envelope) };
    case 'DSSE_ATTESTATION':
      return { dsseAttestation: { envelope: envelopeWire(content.envelope) }, envelope: envelopeWire(content.envelope) };
    case 'BUILD':
      return { build: buildDetails(content), envelope: envelopeWire(content.envelope) };
    case 'SBOM_REFERENCE':
      return { sbomReference: sbomReferenceWire(content) };
    case 'DISCOVERY':
      return {
        discovery: {
          continuousAnalysis: 'INACTIVE',
          analysisStatus: 'FINISHED_SUCCESS',
          analysisCompleted: { analysisType: content.analyses },
          ...(content.finishedAt !== undefined && { lastScanTime: content.finishedAt }),
        },
      };
    case 'VULNERABILITY':
      return {
        vulnerability: {
          ...(content.severity !== 'SEVERITY_UNSPECIFIED' && { severity: content.severity, effectiveSeverity: content.severity }),
          packageIssue: content.issues.map(packageIssue),
          fixAvailable: content.issues.every(({ fixedIn }) => fixedIn !== undefined),
        },
      };
    case 'DEPLOYMENT':
      return { deployment: deploymentWire(content) };
  }
}

/** Where Chains puts it (`intotoStatement`, SLSA v0.2), and the member of its own that v1 provenance got. */
function buildDetails({ statement }: BuildContent): Wire {
  const facts = readProvenance(statement);
  if (facts?.version === 'v1') return { inTotoSlsaProvenanceV1: { ...facts.head, predicate: facts.predicate } };
  return facts ? { intotoStatement: { ...facts.head, slsaProvenanceZeroTwo: facts.predicate } } : {};
}

function packageIssue(issue: PackageIssue): Wire {
  const versionOf = (name: string): Wire => (name === '' ? { kind: 'MINIMUM' } : { name, kind: 'NORMAL' });
  return {
    affectedCpeUri: issue.cpeUri,
    affectedPackage: issue.package,
    affectedVersion: versionOf(issue.version),
    fixedCpeUri: issue.cpeUri,
    fixedPackage: issue.package,
    fixedVersion: issue.fixedIn === undefined ? { kind: 'MAXIMUM' } : versionOf(issue.fixedIn),
    fixAvailable: issue.fixedIn !== undefined,
    packageType: issue.packageType,
  };
}

function identity(wire: Wire): string | undefined {
  if (wire['attestation'] !== undefined) return IDENTITY.signedPayload(wire['attestation']);
  const dsse = z.object({ envelope: z.unknown() }).safeParse(wire['dsseAttestation']).data;
  if (dsse) return IDENTITY.envelope(dsse.envelope);
  if (wire['build'] !== undefined) return IDENTITY.envelope(wire['envelope']);
  if (wire['sbomReference'] !== undefined) return IDENTITY.sbomReference(wire['sbomReference']);
  if (wire['discovery'] !== undefined) return IDENTITY.analysis(wire['discovery']);
  if (wire['deployment'] !== undefined) return IDENTITY.deployment(wire['deployment']);
  const vulnerability = Vulnerability.safeParse(wire['vulnerability']).data;
  if (!vulnerability) return undefined;
  const issues = vulnerability.packageIssue.map(({ affectedPackage, affectedVersion, fixedVersion }) => ({
    package: affectedPackage,
    version: affectedVersion.name,
    fixedIn: fixedVersion.name,
  }));
  return IDENTITY.vulnerability(vulnerability.severity, issues);
}
