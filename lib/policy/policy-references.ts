// SPDX-License-Identifier: Apache-2.0

/** A problem at a place of the policy, given as the path of keys and indexes. */
export type ReferenceProblem = { path: PropertyKey[]; message: string };

/**
 * What a schema cannot say: names defined once, every named signer defined, every defined signer named, thresholds that can be met.
 * Works on unchecked content and skips what has the wrong shape, so that these problems are reported beside those of the schema.
 */
export function referenceProblems(content: unknown): ReferenceProblem[] {
  const problems: ReferenceProblem[] = [];
  const signers = list(content, 'signers');
  const rules = list(content, 'rules');
  const defined = uniqueTexts(signers, 'name', 'signers', problems);
  uniqueTexts(rules, 'id', 'rules', problems);
  sameKeyTwice(signers, problems);
  sameIdentityTwice(signers, problems);
  const used = new Set<string>();
  for (const { path, requirement } of rules.flatMap(requirementsOf)) {
    for (const [index, name] of namesOf(requirement).names.entries()) {
      used.add(name);
      const at = [...path, namesOf(requirement).key, index];
      if (!defined.has(name)) problems.push({ path: at, message: `"${name.slice(0, 80)}" is not defined under signers` });
      if (namesOf(requirement).names.indexOf(name) !== index) problems.push({ path: at, message: `"${name.slice(0, 80)}" is named twice` });
    }
    const threshold = member(requirement, 'threshold');
    const { names } = namesOf(requirement);
    if (typeof threshold === 'number' && threshold > new Set(names).size)
      problems.push({ path: [...path, 'threshold'], message: `asks for ${threshold} signers and names ${new Set(names).size}` });
  }
  for (const [index, signer] of signers.entries()) {
    const name = member(signer, 'name');
    if (typeof name === 'string' && !used.has(name))
      problems.push({ path: ['signers', index, 'name'], message: `"${name.slice(0, 80)}" is used by no rule; remove it, or name it in a rule` });
  }
  for (const [index, rule] of rules.entries()) problems.push(...ruleProblems(rule, ['rules', index]));
  return problems;
}

function ruleProblems(rule: unknown, path: PropertyKey[]): ReferenceProblem[] {
  const problems: ReferenceProblem[] = [];
  const report = member(rule, 'report');
  if (member(report, 'file') === false && member(report, 'attestation') === undefined)
    problems.push({ path: [...path, 'report'], message: 'accepts no report at all: allow the file, or name whose attestation counts' });
  const seen = new Set<string>();
  for (const [index, entry] of list(rule, 'waivers').entries()) {
    const id = member(entry, 'id');
    if (typeof id !== 'string') continue;
    const key = JSON.stringify([id.toUpperCase(), member(entry, 'package'), member(entry, 'purl'), member(entry, 'images')]);
    if (seen.has(key)) problems.push({ path: [...path, 'waivers', index, 'id'], message: `"${id.slice(0, 80)}" is waived twice` });
    seen.add(key);
  }
  return problems;
}

/** One key under two names would let one person stand for two. */
function sameKeyTwice(signers: readonly unknown[], problems: ReferenceProblem[]): void {
  const seen = new Map<string, unknown>();
  for (const [index, signer] of signers.entries()) {
    const key = member(signer, 'key');
    const source = member(key, 'file') ?? member(key, 'data') ?? member(key, 'kms');
    if (typeof source !== 'string') continue;
    const plain = source.replace(/\s+/g, '');
    if (seen.has(plain)) problems.push({ path: ['signers', index, 'key'], message: `is the key of "${String(seen.get(plain)).slice(0, 80)}" already` });
    else seen.set(plain, member(signer, 'name'));
  }
}

/** The same for an identity; that two patterns match one and the same signer is told apart only when somebody signs. */
function sameIdentityTwice(signers: readonly unknown[], problems: ReferenceProblem[]): void {
  const seen = new Map<string, unknown>();
  for (const [index, signer] of signers.entries()) {
    const identity = member(signer, 'identity');
    if (identity === undefined) continue;
    const key = JSON.stringify(['issuer', 'issuerRegExp', 'subject', 'subjectRegExp'].map((field) => member(identity, field) ?? null));
    if (seen.has(key)) problems.push({ path: ['signers', index, 'identity'], message: `is the identity of "${String(seen.get(key)).slice(0, 80)}" already` });
    else seen.set(key, member(signer, 'name'));
  }
}

function requirementsOf(rule: unknown, index: number): { path: PropertyKey[]; requirement: unknown }[] {
  return [
    { path: ['rules', index, 'signers'], requirement: member(rule, 'signers') },
    { path: ['rules', index, 'vex', 'signers'], requirement: member(member(rule, 'vex'), 'signers') },
    { path: ['rules', index, 'report', 'attestation', 'signers'], requirement: member(member(member(rule, 'report'), 'attestation'), 'signers') },
  ];
}

function namesOf(requirement: unknown): { key: string; names: string[] } {
  const key = ['any', 'all', 'of'].find((candidate) => Array.isArray(member(requirement, candidate))) ?? 'any';
  return { key, names: list(requirement, key).filter((name) => typeof name === 'string') };
}

function uniqueTexts(items: readonly unknown[], key: string, listName: string, problems: ReferenceProblem[]): Set<string> {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const text = member(item, key);
    if (typeof text !== 'string') continue;
    if (seen.has(text)) problems.push({ path: [listName, index, key], message: `"${text.slice(0, 80)}" is there already` });
    seen.add(text);
  }
  return seen;
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function list(value: unknown, key: string): unknown[] {
  const items = member(value, key);
  return Array.isArray(items) ? items : [];
}
