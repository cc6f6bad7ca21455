// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { deniedError } from '../errors/errors.ts';
import { parseStrictJson } from './strict-json.ts';

const STATEMENT_V1 = 'https://in-toto.io/Statement/v1';
const STATEMENT_V01 = 'https://in-toto.io/Statement/v0.1';

/** Limits of sigstore-go's verifier, so that no peer accepts what we refuse or the other way round. */
const MAX_SUBJECTS = 1024;
const MAX_DIGESTS = 32;

export type Subject = { name?: string; digest: Record<string, string>; annotations?: Record<string, unknown> };
export type Statement = { _type: string; subject: Subject[]; predicateType: string; predicate?: unknown };

const DigestSet = z.record(z.string().max(64), z.string().max(256)).refine((set) => Object.keys(set).length <= MAX_DIGESTS, `more than ${MAX_DIGESTS} digests`);
const StatementShape = z.object({
  _type: z.enum([STATEMENT_V1, STATEMENT_V01]),
  subject: z
    .array(z.object({ name: z.string().optional(), digest: DigestSet, annotations: z.record(z.string(), z.unknown()).nullish() }))
    .min(1)
    .max(MAX_SUBJECTS),
  predicateType: z.string().min(1).max(1000),
  predicate: z.unknown().optional(),
});

/** An in-toto Statement v1 as JSON bytes about subjects named by sha256 (in-toto attestation framework, "Statement"). Key order is fixed, so equal input gives equal bytes. */
export function encodeStatement(subjects: readonly { sha256: string; name?: string }[], predicateType: string, predicate: unknown): Buffer {
  const subject = subjects.map(({ sha256, name }) => ({ ...(name !== undefined && { name }), digest: { sha256 } }));
  return Buffer.from(JSON.stringify({ _type: STATEMENT_V1, subject, predicateType, predicate }));
}

/** Reads a Statement v1 or v0.1, as JSON that every parser reads alike (`parseStrictJson`). Throws denied STATEMENT_INVALID, naming `what` (the piece of evidence) and the field that is wrong. */
export function parseStatement(payload: Uint8Array, what: string): Statement {
  let json: unknown;
  try {
    json = parseStrictJson(Buffer.from(payload).toString('utf8'));
  } catch (cause) {
    const why = cause instanceof SyntaxError || !(cause instanceof Error) ? 'does not hold JSON' : `holds JSON that ${cause.message}`;
    throw deniedError('STATEMENT_INVALID', `${what} ${why}`, { cause });
  }
  const parsed = StatementShape.safeParse(json);
  if (parsed.success) return parsed.data as Statement;
  const issue = parsed.error.issues[0];
  throw deniedError('STATEMENT_INVALID', `${what} is not an in-toto statement: ${issue?.path.join('.') || 'statement'}: ${issue?.message}`);
}

/** Whether the statement speaks about the artifact with this sha256 hex digest. */
export function hasSubject(statement: Statement, sha256: string): boolean {
  return statement.subject.some((subject) => subject.digest['sha256'] === sha256);
}
