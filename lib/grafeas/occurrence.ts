// SPDX-License-Identifier: Apache-2.0
import type { Statement } from '../intoto/statement.ts';

/** A DSSE envelope (DSSE v1) with one signature, and the RFC 6920 name of the key that was found to have made it. */
export type SignedEnvelope = { payload: Buffer; payloadType: string; signature: Buffer; publicKeyId: string };

/** Grafeas' scale (grafeas v1 and v1beta1, Severity). */
export type VulnerabilitySeverity = 'CRITICAL' | 'HIGH' | 'MEDIUM' | 'LOW' | 'MINIMAL' | 'SEVERITY_UNSPECIFIED';

/** One package that has the vulnerability. `cpeUri` is required by Grafeas; a purl stands there where no CPE is known. Versions are as the scanner writes them, empty when unknown. */
export type PackageIssue = { package: string; version: string; cpeUri: string; packageType: string; fixedIn: string | undefined; severityName: string };

export type AttestationContent = { kind: 'ATTESTATION'; hint: string; envelope: SignedEnvelope };
/** An attestation whose own kind v1beta1 does not have; it is an ATTESTATION there. */
export type DsseContent = { kind: 'DSSE_ATTESTATION'; hint: string; envelope: SignedEnvelope };
export type BuildContent = { kind: 'BUILD'; builder: string; statement: Statement; envelope: SignedEnvelope };
/** Where an SBOM lies and the hex SHA-256 of its content. `subject` names the artifact that it is about. */
export type SbomReferenceContent = {
  kind: 'SBOM_REFERENCE';
  format: string;
  version: string;
  subject: { name: string; sha256: string };
  referrerId: string;
  location: string;
  mimeType: string;
  sha256: string;
};
/** That an analysis for vulnerabilities was done. `analyses` tell one analysis from another, so that a repeated one is found again. */
export type DiscoveryContent = { kind: 'DISCOVERY'; analyses: readonly string[]; finishedAt: string | undefined };
export type VulnerabilityContent = { kind: 'VULNERABILITY'; severity: VulnerabilitySeverity; issues: readonly PackageIssue[] };
/** `deployable` is what the note says can be deployed, `deployTime` RFC 3339. */
export type DeploymentContent = {
  kind: 'DEPLOYMENT';
  deployable: string;
  address: string;
  config: string;
  deployTime: string;
  userEmail: string | undefined;
};

export type Content = AttestationContent | DsseContent | BuildContent | SbomReferenceContent | DiscoveryContent | VulnerabilityContent | DeploymentContent;

/** One fact about one artifact, without the spelling of an API version. All occurrences of a note have the kind of the note. */
export type Occurrence = { noteId: string; resourceUri: string; content: Content };

/** What a server holds. `wire` is its JSON as it was given, `identity` tells equal facts about the same resource and note, undefined where the content is none that this suite writes. */
export type StoredOccurrence = {
  name: string;
  noteName: string;
  kind: string;
  resourceUri: string;
  createTime: string;
  identity: string | undefined;
  wire: Readonly<Record<string, unknown>>;
};
