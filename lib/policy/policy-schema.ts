// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { PREDICATE_TYPE, predicateTypeUri } from '../intoto/predicate-type.ts';
import { Identity } from './identity-schema.ts';
import { BaseImageRule, ProvenanceRule } from './provenance-schema.ts';
import { SBOM_FORMATS } from './sbom-reader.ts';
import { AttestationType, Conditions, common, Days, Glob, Name, Prose, SignerRequirement, type STAGES, TextMatches } from './schema-parts.ts';
import { VulnerabilitiesRule } from './vulnerabilities-schema.ts';

/** The `apiVersion` of policy and verdict files. */
export const API_VERSION = 'supply-chain.tekton.dev/v1alpha1';

export type Stage = (typeof STAGES)[number];

const KeyFile = z
  .string()
  .max(500)
  .regex(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\p{C}]+$/u, 'must be a path beside the policy file, without a leading / and without ..')
  .describe('PEM file with the public key, relative to the policy file.');
const KeyData = z
  .string()
  .max(10_000)
  .regex(/^\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$/, 'must be a PEM public key (BEGIN PUBLIC KEY)')
  .describe('The public key itself, PEM.');

const KeyReference = z
  .string()
  .max(1100)
  .regex(/^[a-z][a-z0-9-]*:\/\/[\x21-\x7e]+$/, 'must be a reference such as hashivault://KEY')
  .describe('Where the key is kept: k8s://NAMESPACE/SECRET, gcpkms://…, hashivault://KEY, openbao://KEY, or NAME://… for a program sigstore-kms-NAME.');

const KeySource = z.union([z.strictObject({ file: KeyFile }), z.strictObject({ data: KeyData }), z.strictObject({ kms: KeyReference })], {
  error: 'must be {file: <path beside the policy>}, {data: <PEM public key>} or {kms: <reference>}',
});
const SignerDefinition = z
  .strictObject({
    name: Name.describe('How rules and verdicts call this signer.'),
    key: KeySource.optional().describe('The key that this signer signs with.'),
    identity: Identity.optional().describe('Whom the certificate of this signer names (keyless signing); it needs a trusted root.'),
  })
  .refine(({ key, identity }) => (key === undefined) !== (identity === undefined), 'must have a key or an identity, and not both');

const UNASKABLE = new Set<string>([PREDICATE_TYPE.signature, PREDICATE_TYPE.vsa]);
const LoggedType = z
  .string()
  .max(500)
  .refine(
    (text) => text === 'signature' || !UNASKABLE.has(predicateTypeUri(text) ?? PREDICATE_TYPE.vsa),
    'must be signature, the short name of a predicate type, or its URI; a verification summary cannot be asked for',
  );
const LogUrl = z
  .string()
  .max(500)
  .regex(/^https?:\/\/[^\s@]+$/, 'must be the URL of a log as the trusted root names it');

const SignatureRule = z.strictObject({ ...common, type: z.literal('signature'), signers: SignerRequirement });

const LogEntryRule = z.strictObject({
  ...common,
  type: z.literal('log-entry'),
  for: z.array(LoggedType).min(1).max(50).default(['signature']).describe('Evidence that must be in a transparency log: signature, or predicate types.'),
  signers: SignerRequirement,
  logs: z.array(LogUrl).min(1).max(20).optional().describe('Logs that count; without it every log of the trusted root does.'),
});

const SbomRule = z.strictObject({
  ...common,
  type: z.literal('sbom'),
  format: z
    .enum([...SBOM_FORMATS, 'any'])
    .default('cyclonedx')
    .describe('any: one SBOM of either format is enough.'),
  signers: SignerRequirement,
  requireComplete: z.boolean().default(true).describe('Whether the SBOM must state that it is complete.'),
  minComponents: z.int().min(0).max(1_000_000).default(1),
  maxAgeDays: Days.optional().describe('How old the SBOM may be by the time that it states, which must not be after a verified time.'),
  forbiddenLicences: z
    .array(Glob)
    .max(200)
    .default([])
    .describe(
      'Licences that no package may need, as SPDX identifiers or names, such as AGPL-*; where a package leaves the choice (OR), all choices must be forbidden.',
    ),
  requireLicences: z.boolean().default(false).describe('Whether every package must state a licence.'),
  forbiddenPackages: z.array(Glob).max(500).default([]).describe('Packages that must not be there, by package URL, such as pkg:npm/left-pad@*.'),
});

const AttestationRule = z.strictObject({
  ...common,
  type: z.literal('attestation'),
  predicateType: AttestationType.describe('Short name (as for cosign --type) or URI.'),
  signers: SignerRequirement,
  min: z.int().min(1).max(100).default(1).describe('How many different statements there must be.'),
  conditions: Conditions.describe('What a statement must say to count: conditions on its predicate.'),
});

const ApprovalRule = z.strictObject({
  ...common,
  type: z.literal('approval'),
  signers: SignerRequirement.describe('Who attests approvals: the gate, not the people who approve.'),
  minApprovers: z.int().min(1).max(50).default(1).describe('How many people must have approved, the requester not counted.'),
  approvers: TextMatches.optional().describe('People whose approval counts; without it everybody whom the gate counted.'),
  gates: TextMatches.optional().describe('Gates that count, by name.'),
  environments: TextMatches.optional().describe('Environments of which one must have been approved for.'),
  maxAgeDays: Days.optional().describe('How old the decision may be by the time that it states, which must not be after a verified time.'),
});

const RULE_SHAPES = [SignatureRule, LogEntryRule, SbomRule, AttestationRule, ProvenanceRule, VulnerabilitiesRule, BaseImageRule, ApprovalRule] as const;
const RULE_TYPES = RULE_SHAPES.map((shape) => shape.shape.type.value);

export const PolicyFile = z
  .strictObject({
    apiVersion: z.literal(API_VERSION, `must be ${API_VERSION}`),
    kind: z.literal('Policy', 'must be Policy'),
    metadata: z.strictObject({ name: Name, description: Prose.optional() }),
    signers: z.array(SignerDefinition).max(200).default([]),
    rules: z
      .array(
        z.discriminatedUnion('type', RULE_SHAPES, {
          error: (issue) => (issue.code === 'invalid_union' ? `is not a type of rule; there are ${RULE_TYPES.join(', ')}` : undefined),
        }),
      )
      .min(1, 'must hold a rule')
      .max(500),
  })
  .describe('What policy-check asks of the evidence of an artifact.');

export type Policy = z.output<typeof PolicyFile>;
export type Rule = Policy['rules'][number];
export type RuleType = Rule['type'];
export type RuleOf<T extends RuleType> = Extract<Rule, { type: T }>;

/** The JSON Schema (draft 2020-12) of a policy file, for editors. References between parts of the file are checked by `parsePolicy` alone. */
export function policySchema(): Record<string, unknown> {
  return { title: 'Policy of policy-check', ...z.toJSONSchema(PolicyFile, { io: 'input', target: 'draft-2020-12' }) };
}
