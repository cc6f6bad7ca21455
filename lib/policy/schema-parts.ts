// SPDX-License-Identifier: Apache-2.0
// Parts that the schemas of several types of rule share.
import * as z from 'zod';
import { PREDICATE_TYPE, predicateTypeUri } from '../intoto/predicate-type.ts';
import { patternProblem } from './identity-schema.ts';

export const STAGES = ['build', 'deploy'] as const;

export const Name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and -, at most 63 characters');
export const Prose = z.string().min(1, 'must not be empty').max(1000);
/** A day in UTC. */
export const Day = z.iso.date('must be a date such as 2026-12-31');
export const Days = z.int().min(0).max(3650);

export const Glob = z
  .string()
  .min(1, 'must not be empty')
  .max(300)
  .regex(/^[^\s\p{C}]+$/u, 'must be a text without spaces; * stands for anything but /, ** for anything');

/** A text that must be equal, or a pattern for the whole of it. */
export const TextMatch = z.union(
  [
    z
      .string()
      .min(1, 'must not be empty')
      .max(1000)
      .regex(/^[^\p{C}]+$/u, 'must be one line'),
    z.strictObject({ matches: z.string().min(1, 'must not be empty').max(500).superRefine(checkPattern) }),
  ],
  { error: 'must be the whole text, or {matches: <pattern for the whole text>}' },
);
export type TextMatch = z.output<typeof TextMatch>;
export const TextMatches = z.array(TextMatch).min(1, 'must not be empty').max(50);

const SignerNames = z.array(Name).min(1, 'must name a signer').max(50);
export const SignerRequirement = z
  .union([z.strictObject({ any: SignerNames }), z.strictObject({ all: SignerNames }), z.strictObject({ threshold: z.int().min(1).max(50), of: SignerNames })], {
    error: 'must be {any: [names]}, {all: [names]} or {threshold: n, of: [names]}',
  })
  .describe('Whose signatures count, by the names under signers: one of any, all of all, or a threshold number of.');
export type SignerRequirement = z.output<typeof SignerRequirement>;

export const AttestationType = z
  .string()
  .max(500)
  .refine((text) => predicateTypeUri(text) !== undefined, `must be one of ${Object.keys(PREDICATE_TYPE).join(', ')}, or a predicate type URI`)
  .refine((text) => predicateTypeUri(text) !== PREDICATE_TYPE.signature, 'a signature is asked for by a rule of type signature')
  .refine((text) => predicateTypeUri(text) !== PREDICATE_TYPE.vsa, 'a verification summary is what this policy leads to, so it cannot be asked for');
export const AttestationTypes = z.array(AttestationType).min(1, 'must name a predicate type').max(10);

const Scalar = z.union([z.string().max(1000), z.number(), z.boolean(), z.null()], { error: 'must be a text, a number, true, false or null' });
const TESTS = ['equals', 'in', 'matches', 'min', 'max', 'exists'] as const;

/** What a member of a predicate must be. Several tests in one condition all hold. */
export const Condition = z
  .strictObject({
    path: z
      .string()
      .max(500)
      .regex(/^(?:\/(?:[^~/]|~[01])*){0,20}$/, 'must be a JSON pointer such as /metadata/result, of at most 20 steps')
      .describe('JSON pointer (RFC 6901) into the predicate; the step * stands for every member of a list or mapping.'),
    equals: Scalar.optional(),
    in: z.array(Scalar).min(1, 'must not be empty').max(200).optional(),
    matches: z.string().min(1, 'must not be empty').max(500).superRefine(checkPattern).optional().describe('Pattern that the whole text must match.'),
    min: z.number().optional(),
    max: z.number().optional(),
    exists: z.boolean().optional().describe('false: there must be nothing at the path.'),
    quantifier: z.enum(['all', 'any']).default('all').describe('With * in the path: whether all members must hold, or one. There must be one in either case.'),
  })
  .refine((condition) => TESTS.some((test) => condition[test] !== undefined), `must have one of ${TESTS.join(', ')}`)
  .refine(
    ({ exists, ...rest }) => exists !== false || TESTS.every((test) => test === 'exists' || rest[test] === undefined),
    'with exists: false must have no other test',
  )
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, 'has a min over its max');
export type Condition = z.output<typeof Condition>;
export const Conditions = z.array(Condition).max(50).default([]);

/** What every rule has. */
export const common = {
  id: Name.describe('Names the rule in verdicts; unique within the policy.'),
  description: Prose.optional().describe('What the rule is for, for people.'),
  level: z.enum(['enforce', 'warn']).default('enforce').describe('Whether a failure fails the verdict or is only reported.'),
  effectiveFrom: Day.optional().describe('The first day (UTC) on which a rule of level enforce is enforced; before it a failure is only reported.'),
  images: z
    .array(Glob)
    .min(1, 'must not be empty')
    .max(100)
    .optional()
    .describe('Images that the rule is for, as host/repository; * stands for anything but /, ** for anything. Without it the rule is for all.'),
  stages: z
    .array(z.enum(STAGES))
    .min(1, 'must name a stage')
    .max(STAGES.length)
    .default([...STAGES])
    .describe('When the rule is judged.'),
};

function checkPattern(source: string, context: z.RefinementCtx): void {
  const problem = patternProblem(source);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
}
