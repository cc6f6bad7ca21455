// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { PREDICATE_TYPE, predicateTypeUri } from '../intoto/predicate-type.ts';
import { Identity } from './identity-schema.ts';

/** The `apiVersion` of policy and verdict files. */
export const API_VERSION = 'supply-chain.tekton.dev/v1alpha1';

export const STAGES = ['build', 'deploy'] as const;
export type Stage = (typeof STAGES)[number];

/** From harmless to worst; `unknown` stands apart because a scanner that knows no severity says nothing about it. */
export const SEVERITIES = ['negligible', 'low', 'medium', 'high', 'critical'] as const;
export type KnownSeverity = (typeof SEVERITIES)[number];

const Name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and -, at most 63 characters');
const Prose = z.string().min(1, 'must not be empty').max(1000);

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

const KeySource = z.union([z.strictObject({ file: KeyFile }), z.strictObject({ data: KeyData })], {
  error: 'must be {file: <path beside the policy>} or {data: <PEM public key>}',
});
const SignerDefinition = z
  .strictObject({
    name: Name.describe('How rules and verdicts call this signer.'),
    key: KeySource.optional().describe('The key that this signer signs with.'),
    identity: Identity.optional().describe('Whom the certificate of this signer names (keyless signing); it needs a trusted root.'),
  })
  .refine(({ key, identity }) => (key === undefined) !== (identity === undefined), 'must have a key or an identity, and not both');

const SignerNames = z.array(Name).min(1, 'must name a signer').max(50);
const SignerRequirement = z
  .union([z.strictObject({ any: SignerNames }), z.strictObject({ all: SignerNames }), z.strictObject({ threshold: z.int().min(1).max(50), of: SignerNames })], {
    error: 'must be {any: [names]}, {all: [names]} or {threshold: n, of: [names]}',
  })
  .describe('Whose signatures count, by the names under signers: one of any, all of all, or a threshold number of.');

const UNASKABLE = new Set<string>([PREDICATE_TYPE.signature, PREDICATE_TYPE.vsa]);
const AttestationType = z
  .string()
  .max(500)
  .refine((text) => predicateTypeUri(text) !== undefined, `must be one of ${Object.keys(PREDICATE_TYPE).join(', ')}, or a predicate type URI`)
  .refine((text) => predicateTypeUri(text) !== PREDICATE_TYPE.signature, 'a signature is asked for by a rule of type signature')
  .refine((text) => predicateTypeUri(text) !== PREDICATE_TYPE.vsa, 'a verification summary is what this policy leads to, so it cannot be asked for');
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

const common = {
  id: Name.describe('Names the rule in verdicts; unique within the policy.'),
  description: Prose.optional().describe('What the rule is for, for people.'),
  level: z.enum(['enforce', 'warn']).default('enforce').describe('Whether a failure fails the verdict or is only reported.'),
  stages: z
    .array(z.enum(STAGES))
    .min(1, 'must name a stage')
    .max(STAGES.length)
    .default([...STAGES])
    .describe('When the rule is judged.'),
};

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
  format: z.enum(['cyclonedx']).default('cyclonedx'),
  signers: SignerRequirement,
  requireComplete: z.boolean().default(true).describe('Whether the SBOM must state that it is complete.'),
  minComponents: z.int().min(0).max(1_000_000).default(1),
});

const AttestationRule = z.strictObject({
  ...common,
  type: z.literal('attestation'),
  predicateType: AttestationType.describe('Short name (as for cosign --type) or URI.'),
  signers: SignerRequirement,
  min: z.int().min(1).max(100).default(1).describe('How many different statements there must be.'),
});

const Ignore = z.strictObject({
  id: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]+$/, 'must be the identifier of one vulnerability, such as CVE-2025-0001'),
  package: z.string().min(1).max(300).optional().describe('Only for the package of this name.'),
  reason: Prose,
  expires: z.iso.date('must be a date such as 2026-12-31').describe('The last day (UTC) on which the entry applies.'),
});

const VulnerabilitiesRule = z.strictObject({
  ...common,
  type: z.literal('vulnerabilities'),
  report: z
    .strictObject({
      file: z.boolean().default(true).describe('Whether the report that is handed over as a file counts.'),
      attestation: z
        .strictObject({
          predicateTypes: z.array(AttestationType).min(1).max(10).default(['vuln']),
          signers: SignerRequirement,
        })
        .optional()
        .describe('Whether, and by whom, an attested report counts.'),
      requireDigest: z.boolean().default(false).describe('Whether the report itself must name the digest that it scanned.'),
    })
    .prefault({}),
  block: z
    .array(
      z.strictObject({
        severity: z.enum(SEVERITIES).describe('This severity and every worse one.'),
        fix: z.enum(['any', 'available']).default('any').describe('available: only where the scanner knows a fixed version.'),
      }),
    )
    .min(1, 'must name what to block')
    .max(20),
  unknownSeverity: z.enum(['block', 'warn', 'ignore']).default('block').describe('What to do about findings without a severity.'),
  ignore: z.array(Ignore).max(1000).default([]),
});

const RULE_SHAPES = [SignatureRule, LogEntryRule, SbomRule, AttestationRule, VulnerabilitiesRule] as const;
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
export type SignerRequirement = z.output<typeof SignerRequirement>;

/** The JSON Schema (draft 2020-12) of a policy file, for editors. References between parts of the file are checked by `parsePolicy` alone. */
export function policySchema(): Record<string, unknown> {
  return { title: 'Policy of policy-check', ...z.toJSONSchema(PolicyFile, { io: 'input', target: 'draft-2020-12' }) };
}
