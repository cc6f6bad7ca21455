// SPDX-License-Identifier: Apache-2.0

export const SBOM_FORMATS = ['cyclonedx', 'spdx'] as const;
export type SbomFormat = (typeof SBOM_FORMATS)[number];

/** A package that an SBOM lists. Texts are foreign. */
export type SbomPackage = {
  name: string;
  version: string;
  purl?: string | undefined;
  /** SPDX identifiers, expressions, or names of licences, one text a statement. */
  licences: readonly string[];
  /** Whether licences are stated in a form that cannot be read. */
  unreadableLicence?: boolean | undefined;
};

/** What the rules ask about an SBOM. */
export type SbomFacts = {
  /** Format and version for people, such as `CycloneDX 1.6`. */
  format: string;
  /** Components other than the root. */
  components: number;
  /** What the SBOM itself states about its list of components. */
  completeness: 'complete' | 'incomplete' | 'unknown' | 'not stated';
  /** Manifest digests (`sha256:…`) that the root component states for the artifact; empty when it states none. */
  rootDigests: readonly string[];
  /** Why it is not whole, in words for people; foreign text. */
  reasons?: readonly string[];
  /** When it was made, as it says itself. */
  created?: string | undefined;
  /** The components other than the root. */
  packages?: readonly SbomPackage[];
};

/** Reads the predicate of an SBOM attestation. Throws a StepError (any kind) when it is not a whole, valid SBOM of the expected format; `what` names it in the message. */
export type SbomReader = (predicate: unknown, what: string, format: SbomFormat) => SbomFacts;
