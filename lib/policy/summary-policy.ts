// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { type ReferenceProblem, referenceProblems } from './policy-references.ts';
import { API_VERSION, PolicyFile } from './policy-schema.ts';
import { problemLines, readBySchema } from './read-by-schema.ts';
import { Name, Prose, SignerRequirement, STAGES } from './schema-parts.ts';

const Uri = z
  .string()
  .max(2000)
  .regex(/^[a-z][a-z0-9+.-]*:[^\s\p{C}]+$/u, 'must be a URI');
const AcceptedPolicy = z
  .strictObject({
    digest: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits')
      .optional()
      .describe('The result policy-digest of policy-check; it changes with every key of the policy, too.'),
    uri: Uri.optional().describe('The policy.uri of the summary. The name of a file says nothing about what is in it: give the digest for our own summaries.'),
  })
  .refine(({ digest, uri }) => digest !== undefined || uri !== undefined, 'must have a digest or a uri');

export const SummaryPolicyFile = z
  .strictObject({
    apiVersion: z.literal(API_VERSION, `must be ${API_VERSION}`),
    kind: z.literal('SummaryPolicy', 'must be SummaryPolicy'),
    metadata: z.strictObject({ name: Name, description: Prose.optional() }),
    signers: PolicyFile.shape.signers,
    accept: z.strictObject({
      signers: SignerRequirement,
      verifier: Uri.describe('The verifier.id that these signers may speak for.'),
      policies: z.array(AcceptedPolicy).min(1, 'must name a policy').max(50),
      stage: z
        .enum([...STAGES, 'any'])
        .default('deploy')
        .describe('Stage that the summary must speak for; any for summaries that know no stage.'),
      maxAgeHours: z.int().min(1).max(8784).describe('How long after the verification the summary counts.'),
      logged: z.boolean().default(true).describe('Whether the summary must be in a transparency log of the trusted root.'),
      repositories: z
        .array(z.string().min(1).max(500))
        .max(100)
        .default([])
        .describe('Repositories (host/path) that the summary may have been written for, beside that of the image itself: where it was promoted from.'),
      levels: z.array(z.string().min(1).max(100)).max(50).default([]).describe('Levels that verifiedLevels must hold.'),
    }),
  })
  .describe('Which verification summaries (SLSA VSA) an admission accepts in place of judging the evidence.');

export type SummaryPolicy = z.output<typeof SummaryPolicyFile>;

/** Reads a summary policy (YAML or JSON). `what` is its name for messages. Throws input POLICY_INVALID that lists every problem with its line and place. */
export function parseSummaryPolicy(bytes: Uint8Array, what: string): SummaryPolicy {
  const { value, problems } = readBySchema(bytes, SummaryPolicyFile, requirementProblems);
  if (value !== undefined) return value;
  throw inputError('POLICY_INVALID', `${what} is not a summary policy that can be judged by:\n${problemLines(problems)}`, {
    hint: 'correct the file; services/admission-provider/README.md shows one',
  });
}

/** Its one requirement, looked at where a rule would have it, so that the same is asked of the names. */
function requirementProblems(content: unknown): ReferenceProblem[] {
  return referenceProblems(asRules(content)).map(({ path, message }) => ({ path: path[0] === 'rules' ? ['accept', ...path.slice(2)] : path, message }));
}

function asRules(content: unknown): unknown {
  if (typeof content !== 'object' || content === null) return content;
  const { signers, accept } = content as { signers?: unknown; accept?: { signers?: unknown } };
  return { signers, rules: [{ id: 'accept', signers: accept?.signers }] };
}
