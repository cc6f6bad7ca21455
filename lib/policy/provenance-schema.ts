// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { Conditions, common, Glob, SignerRequirement, TextMatches } from './schema-parts.ts';

const PROVENANCE_TYPES = ['slsaprovenance', 'slsaprovenance1'] as const;

export const ProvenanceRule = z.strictObject({
  ...common,
  type: z.literal('provenance'),
  signers: SignerRequirement,
  predicateTypes: z
    .array(z.enum(PROVENANCE_TYPES))
    .min(1, 'must name a version')
    .max(PROVENANCE_TYPES.length)
    .default([...PROVENANCE_TYPES])
    .describe('SLSA provenance 0.2 (slsaprovenance) and 1 (slsaprovenance1).'),
  builders: TextMatches.describe('Builder ids that count. A builder is believed because of the signer; anybody can write its id.'),
  buildTypes: TextMatches.optional().describe('Build types that count; without it all do.'),
  source: z
    .strictObject({
      repositories: z
        .array(Glob)
        .min(1, 'must not be empty')
        .max(100)
        .describe('URLs of Git repositories without git+, ref and .git. Every source of the build must be among them.'),
      refs: z
        .array(Glob)
        .min(1, 'must not be empty')
        .max(100)
        .optional()
        .describe('Such as refs/heads/main. With it every source must state a ref that is among them.'),
    })
    .optional()
    .describe('What must have been built: there must be a source, each with its commit.'),
  parameters: Conditions.describe('Conditions on the parameters from outside; params of Tekton by their names.'),
  conditions: Conditions.describe('Conditions on the whole predicate.'),
  acceptUnknownOutcome: z
    .boolean()
    .default(false)
    .describe(
      'Whether a provenance of Tekton Chains counts that does not say whether the run succeeded. Chains attests failed runs too, so a rule of type signature should stand beside it.',
    ),
  acceptSubjectAsInput: z
    .boolean()
    .default(false)
    .describe(
      'Whether a provenance counts of a run that was given the digest of the artifact as a param: a task that only looks at an image and repeats its digest is no build.',
    ),
});

export const BaseImageRule = z.strictObject({
  ...common,
  type: z.literal('base-image'),
  signers: SignerRequirement,
  allow: z
    .array(Glob)
    .min(1, 'must not be empty')
    .max(200)
    .describe(
      'Images as host/repository. Every image that the provenance says the build used must be among them, step images of Tekton too, and there must be one.',
    ),
  deny: z.array(Glob).max(200).default([]).describe('Exceptions from allow.'),
});
