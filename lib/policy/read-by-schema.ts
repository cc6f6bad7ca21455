// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import { oneLine } from './foreign-text.ts';
import type { ReferenceProblem } from './policy-references.ts';
import { type PolicyProblem, type PolicyYaml, readPolicyYaml } from './policy-yaml.ts';

const SHOWN_PROBLEMS = 30;

/** A YAML file against its schema: `value` only when there are no problems, `content` when it is YAML at all. */
export type ReadFile<T> = Pick<PolicyYaml, 'content' | 'placeOf'> & { value: T | undefined; problems: PolicyProblem[] };

/** Reads a YAML (or JSON) file by a schema, and by what a schema cannot say (`references`); every problem has its place, in the order of the file. */
export function readBySchema<T>(bytes: Uint8Array, schema: z.ZodType<T>, references: (content: unknown) => ReferenceProblem[] = () => []): ReadFile<T> {
  const { content, placeOf, problems: unreadable } = readPolicyYaml(bytes);
  if (unreadable.length > 0) return { content, placeOf, value: undefined, problems: inOrder(unreadable) };
  const parsed = schema.safeParse(content, { error: issueMessage });
  const found = [...(parsed.error?.issues ?? []), ...references(content)];
  const problems = found.map(({ path, message }) => ({ place: placeOf(path), message: `${fieldName(path)}: ${message}` }));
  return { content, placeOf, value: problems.length === 0 ? parsed.data : undefined, problems: inOrder(problems) };
}

/** A path of keys and indexes as people write it: `rules[2].signers.any[0]`. */
export function fieldName(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return text.replace(/^\./, '') || 'the file';
}

/** The problems as lines of a message, with their lines in the file. */
export function problemLines(problems: readonly PolicyProblem[]): string {
  const lines = problems
    .slice(0, SHOWN_PROBLEMS)
    .map(({ place, message }) => `  - ${place === undefined ? '' : `line ${place.line}: `}${oneLine(message, 400)}`);
  if (problems.length > SHOWN_PROBLEMS) lines.push(`  - and ${problems.length - SHOWN_PROBLEMS} more`);
  return lines.join('\n');
}

function inOrder(problems: readonly PolicyProblem[]): PolicyProblem[] {
  return problems.toSorted((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0));
}

/** The messages of the schema library in words that fit behind a place in the file; undefined leaves its own. */
function issueMessage(issue: { code: string; input?: unknown; expected?: unknown; keys?: readonly string[] }): string | undefined {
  if (issue.code === 'unrecognized_keys') return `there is no field ${(issue.keys ?? []).map((key) => `"${key.slice(0, 80)}"`).join(', ')} here`;
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined || issue.input === null) return 'must be given';
  return `must be ${issue.expected === 'object' ? 'a mapping' : issue.expected === 'array' ? 'a list' : String(issue.expected)}`;
}
