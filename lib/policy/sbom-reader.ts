// SPDX-License-Identifier: Apache-2.0

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
};

/** Reads the predicate of an SBOM attestation. Throws a StepError (any kind) when it is not a whole, valid SBOM of the expected format; `what` names it in the message. */
export type SbomReader = (predicate: unknown, what: string) => SbomFacts;
