// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { predicateTypeUri } from '../intoto/predicate-type.ts';
import { isDigest } from '../reference/digest.ts';
import { API_VERSION } from './policy-schema.ts';
import { Name, STAGES } from './schema-parts.ts';

const Path = z.string().min(1).max(500);
const Moment = z.iso.datetime({ offset: true, error: 'must be a time such as 2026-08-15T12:00:00Z' });
const Digest = z.string().refine(isDigest, 'must be sha256: with 64 lower-case hex digits');
const Line = z.string().min(1, 'must not be empty').max(1000);

/** One piece of evidence as verification left it: nothing is verified again. */
const Fact = z
  .strictObject({
    type: z
      .string()
      .max(500)
      .refine((text) => text === 'signature' || predicateTypeUri(text) !== undefined, 'must be signature, the short name of a predicate type, or its URI'),
    signers: z.array(Name).max(50).default([]).describe('Who signed, by the names in the policy.'),
    rejected: Line.optional().describe('Why verification refused it: a key that nobody trusts, a tampered payload …'),
    log: z
      .strictObject({ url: Line, index: z.int().min(0) })
      .optional()
      .describe('The verified log entry.'),
    logProblem: Line.optional().describe('Why its log entry does not count.'),
    time: z
      .strictObject({ at: Moment, by: Line, notBefore: Moment.optional() })
      .optional()
      .describe('When it was signed at the latest, and whose word that is.'),
    pending: z.boolean().default(false).describe('Signed and not logged yet.'),
    predicate: z.unknown().optional(),
    predicateFile: Path.optional().describe('JSON file with the predicate, beside the file with the cases.'),
    digest: Digest.optional().describe('Digest of the referrer, where a case has to tell it.'),
  })
  .refine(({ signers, rejected }) => signers.length > 0 !== (rejected !== undefined), 'must have signers, or rejected with the reason, and not both')
  .refine(({ predicate, predicateFile }) => predicate === undefined || predicateFile === undefined, 'must have predicate or predicateFile, and not both');
export type Fact = z.output<typeof Fact>;

export const RULE_ENDS = ['passed', 'failed', 'warned', 'not-judged'] as const;
const RuleEnd = z.enum(RULE_ENDS);
const RuleExpectation = z.union(
  [RuleEnd, z.strictObject({ is: RuleEnd, says: Line.optional().describe('A text that summary, problems or facts of the rule hold.') })],
  {
    error: `must be one of ${RULE_ENDS.join(', ')}, or {is: <one of them>, says: <text>}`,
  },
);

const Case = z.strictObject({
  name: Line,
  stage: z.enum(STAGES).default('build'),
  image: z
    .string()
    .max(1000)
    .default(`registry.example.com/app@sha256:${'a'.repeat(64)}`)
    .describe('The artifact that is judged, by digest.'),
  now: Moment.optional().describe('When it is judged; without it that of the file.'),
  evidence: z.array(Fact).max(200).default([]),
  scanReport: Path.optional().describe('Report of grype or trivy that is handed over, beside the file with the cases.'),
  expect: z
    .strictObject({
      outcome: z.enum(['passed', 'failed']).optional(),
      rules: z.record(Name, RuleExpectation).default({}),
    })
    .refine(({ outcome, rules }) => outcome !== undefined || Object.keys(rules).length > 0, 'must expect an outcome, or that of a rule'),
});
export type PolicyCase = z.output<typeof Case>;

/** A file of `supply-chain policy test`. */
export const PolicyTestFile = z.strictObject({
  apiVersion: z.literal(API_VERSION, `must be ${API_VERSION}`),
  kind: z.literal('PolicyTest', 'must be PolicyTest'),
  policy: Path.describe('The policy file, relative to this one.'),
  now: Moment.describe('When the cases are judged, so that no test changes with the day.'),
  cases: z.array(Case).min(1, 'must hold a case').max(1000),
});
export type PolicyTestFile = z.output<typeof PolicyTestFile>;
