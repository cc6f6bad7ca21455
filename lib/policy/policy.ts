// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import { digestHex, sha256Digest } from '../reference/digest.ts';
import { oneLine } from './foreign-text.ts';
import { referenceProblems } from './policy-references.ts';
import { type Policy, PolicyFile } from './policy-schema.ts';
import { type PolicyProblem, readPolicyYaml } from './policy-yaml.ts';

const SHOWN_PROBLEMS = 30;

/** Reads a policy file (YAML or JSON). `what` is its name for messages. Throws input POLICY_INVALID that lists every problem with its line and place. */
export function parsePolicy(bytes: Uint8Array, what: string): Policy {
  const yaml = readPolicyYaml(bytes);
  if (yaml.problems.length > 0) throw invalid(what, yaml.problems);
  const parsed = PolicyFile.safeParse(yaml.content, { error: issueMessage });
  const problems: PolicyProblem[] = [];
  for (const { path, message } of [...(parsed.error?.issues ?? []), ...referenceProblems(yaml.content)]) {
    const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
    problems.push({ line: yaml.lineOf(path), message: `${place.replace(/^\./, '') || 'the file'}: ${message}` });
  }
  if (!parsed.success || problems.length > 0) throw invalid(what, problems);
  return parsed.data;
}

/** The messages of the schema library in words that fit behind a place in the file; undefined leaves its own. */
function issueMessage(issue: { code: string; input?: unknown; expected?: unknown; keys?: readonly string[] }): string | undefined {
  if (issue.code === 'unrecognized_keys') return `there is no field ${(issue.keys ?? []).map((key) => `"${key.slice(0, 80)}"`).join(', ')} here`;
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined || issue.input === null) return 'must be given';
  return `must be ${issue.expected === 'object' ? 'a mapping' : issue.expected === 'array' ? 'a list' : String(issue.expected)}`;
}

function invalid(what: string, problems: readonly PolicyProblem[]): Error {
  const sorted = [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const lines = sorted.slice(0, SHOWN_PROBLEMS).map(({ line, message }) => `  - ${line === undefined ? '' : `line ${line}: `}${oneLine(message, 400)}`);
  if (sorted.length > SHOWN_PROBLEMS) lines.push(`  - and ${sorted.length - SHOWN_PROBLEMS} more`);
  return inputError('POLICY_INVALID', `${what} is not a policy that can be judged by:\n${lines.join('\n')}`, {
    hint: 'correct the policy file; its JSON schema stands beside the Task policy-check',
  });
}

/** A key file that a policy names, as the reader of the policy found it. */
export type PolicyKeyFile = { file: string; bytes: Uint8Array };

/** The key files that a policy names, each once, sorted. */
export function policyKeyFiles(policy: Policy): string[] {
  return [...new Set(policy.signers.flatMap(({ key }) => (key && 'file' in key ? [key.file] : [])))].sort();
}

/**
 * The digest of everything that decides what a policy says: `sha256:` of the listing that `sha256sum` would print for the policy file (under the name `policy`) and
 * then for the key files in the order of their names. Changes when a key file changes, although the policy file does not.
 */
export function policyDigest(policyBytes: Uint8Array, keyFiles: readonly PolicyKeyFile[]): string {
  const keys = [...keyFiles].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  const entries = [{ file: 'policy', bytes: policyBytes }, ...keys];
  return sha256Digest(entries.map(({ file, bytes }) => `${digestHex(sha256Digest(bytes))}  ${file}\n`).join(''));
}
