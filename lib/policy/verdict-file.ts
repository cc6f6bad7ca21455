// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { API_VERSION } from './policy-schema.ts';

const Text = z.string().max(10_000);
const Problem = z.object({ object: Text, reason: Text, remedy: Text });
const Level = z.enum(['enforce', 'warn']);

/** What a reader of verdict.json needs of it; types of rules are those of whatever version wrote it. */
const VerdictFile = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Verdict'),
  subject: z.object({ reference: Text, digest: Text }),
  policy: z.object({ name: Text, digest: Text }),
  stage: Text,
  judgedAt: Text,
  outcome: z.enum(['passed', 'failed']),
  problems: z.array(Problem).max(10_000),
  rules: z
    .array(
      z.object({
        id: Text,
        type: Text,
        level: Level,
        outcome: z.enum(['passed', 'failed']),
        summary: Text,
        facts: z.array(Text).max(10_000),
        problems: z.array(Problem).max(10_000),
        evidence: z.array(Text).max(10_000),
      }),
    )
    .max(10_000),
  notJudged: z.array(z.object({ id: Text, type: Text, level: Level, stages: z.array(Text) })).max(10_000),
  notes: z.array(Text).max(10_000),
});
export type VerdictFile = z.output<typeof VerdictFile>;

/** Reads verdict.json; `what` is its name for messages. Throws input VERDICT_INVALID. */
export function parseVerdict(bytes: Uint8Array, what: string): VerdictFile {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw inputError('VERDICT_INVALID', `${what} is not JSON`, { cause });
  }
  const { data, error } = VerdictFile.safeParse(content);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw inputError('VERDICT_INVALID', `${what} is not a verdict: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`, {
    hint: 'give the verdict.json that policy-check wrote',
  });
}
