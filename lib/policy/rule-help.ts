// SPDX-License-Identifier: Apache-2.0
import type { JudgedType } from './verdict.ts';

/** What a type of rule is about, for people who did not write the policy. Plain sentences of our own. */
export type RuleHelp = {
  /** What a rule of this type asks. */
  asks: string;
  /** What evidence meets it. */
  evidence: string;
  /** What to do when it fails. */
  remedy: string;
};

/** One text for each type of rule; a new type does not compile without one. */
export const RULE_HELP: { readonly [T in JudgedType]: RuleHelp } = {
  signature: {
    asks: 'The artifact itself is signed by the signers that the rule names.',
    evidence: 'A Sigstore bundle with a signature over the digest of the artifact, attached to it in its registry; an attestation is not a signature.',
    remedy: 'Sign the artifact by its digest as one of the named signers, for example with the Task cosign-sign.',
  },
  'log-entry': {
    asks: 'The signatures and attestations that the rule names stand in a transparency log.',
    evidence: 'A log entry inside the bundle, with an inclusion proof that the trusted root vouches for.',
    remedy: 'Sign with log=now, or with log=later and then run the Task rekor-upload; check that the trusted root names the log.',
  },
  sbom: {
    asks: 'A software bill of materials (SBOM) of this artifact is attested by the named signers and is as whole as the rule asks.',
    evidence: 'A signed attestation whose predicate is the SBOM, about the digest of the artifact.',
    remedy: 'Make the SBOM from the artifact, for example with the Task sbom-generate, and attest it with cosign-sign.',
  },
  attestation: {
    asks: 'Statements of one predicate type about the artifact are there, signed by the named signers.',
    evidence: 'A signed in-toto attestation of that predicate type about the digest of the artifact.',
    remedy: 'Attest what is missing as one of the named signers, for example with cosign-sign and a predicate file.',
  },
  provenance: {
    asks: 'A SLSA provenance of this artifact, signed by the named signers, says that a builder that counts built it, from what the rule allows.',
    evidence: 'A signed SLSA provenance (0.2 or 1) about the digest of the artifact, as Tekton Chains or GitHub write it.',
    remedy: 'Build with the named builder and let it attest the provenance; a build that failed, or a task that only repeats a digest, is no build.',
  },
  'base-image': {
    asks: 'Every image that the build used, by its provenance, is one that the rule allows.',
    evidence: 'A signed SLSA provenance that lists the images among its materials or resolved dependencies.',
    remedy: 'Build from the allowed images, or add the image to the list if it may be used.',
  },
  approval: {
    asks: 'A gate attested that enough people approved this artifact, and no later decision rejects it.',
    evidence: 'A signed attestation of an approval about the digest of the artifact, by the gate that the rule names.',
    remedy: 'Have the artifact approved, by its digest, and let the gate attest the decision.',
  },
  vulnerabilities: {
    asks: 'A vulnerability report about the artifact is there and holds no finding that the rule blocks.',
    evidence: 'A scan report handed over as a file, or attested by the named signers, whichever the rule accepts.',
    remedy: 'Update the affected packages and scan again; where that cannot be, add a waiver with a reason, an approver and an end.',
  },
  gatekeeper: {
    asks: 'The Kubernetes objects of the artifact meet a Constraint of Gatekeeper.',
    evidence: 'The objects themselves: the manifests that are handed over, or a Pod with the image.',
    remedy: 'Change the object as the message says, or the Constraint where it asks for the wrong thing.',
  },
};

/** What is known of any type, also of one that a newer version wrote into a verdict. */
export function ruleHelp(type: string): RuleHelp {
  return Object.hasOwn(RULE_HELP, type)
    ? RULE_HELP[type as JudgedType]
    : { asks: `A rule of type ${type}.`, evidence: 'Not known to this version.', remedy: 'Use the version that wrote the verdict.' };
}
