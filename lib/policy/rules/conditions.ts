// SPDX-License-Identifier: Apache-2.0
import { wholeTextPattern } from '../../sigstore/text-pattern.ts';
import { oneLine } from '../foreign-text.ts';
import type { Condition, TextMatch } from '../schema-parts.ts';

/** More members than this under one path are not judged but refused. */
const MAX_MEMBERS = 10_000;
/** A longer text matches no pattern. */
const MAX_TEXT = 10_000;
/** More characters than this under one path are not matched but refused: a pattern may take long for each. */
const MAX_MATCHED = 200_000;
/** What a branch of a path gives that ends before it. */
const ABSENT = Symbol('absent');

/** Why the value does not meet the conditions, a text for each condition that fails; empty when it meets all. A member that is not there fails every test but `exists: false`. */
export function unmetConditions(value: unknown, conditions: readonly Condition[]): string[] {
  return conditions.flatMap((condition) => {
    const why = whyUnmet(value, condition);
    return why === undefined ? [] : [`${oneLine(condition.path, 200) || 'the whole'} ${why}`];
  });
}

/** Whether the text is equal to one of the alternatives, or matched whole by its pattern. */
export function matchesAny(text: string, alternatives: readonly TextMatch[]): boolean {
  return alternatives.some((one) => (typeof one === 'string' ? one === text : text.length <= MAX_TEXT && wholeTextPattern(one.matches).test(text)));
}

/** The alternatives in words. */
export function alternativesInWords(alternatives: readonly TextMatch[]): string {
  return alternatives.map((one) => (typeof one === 'string' ? one : `what matches ${one.matches}`)).join(' or ');
}

function whyUnmet(value: unknown, condition: Condition): string | undefined {
  const members = membersAt(value, condition.path.split('/').slice(1));
  if (members === undefined) return `has more than ${MAX_MEMBERS} members`;
  const there = members.filter((member) => member !== ABSENT);
  if (condition.exists === false) return there.length === 0 ? undefined : 'is there, and must not be';
  if (there.length === 0) return 'is not there';
  if (condition.quantifier !== 'any' && there.length < members.length) return 'is not there for every member';
  if (condition.matches !== undefined && there.reduce<number>((sum, one) => sum + lengthOf(one), 0) > MAX_MATCHED)
    return `holds more than ${MAX_MATCHED} characters to match`;
  const test = testOf(condition);
  const wrong = there.map(test).filter((why) => why !== undefined);
  const met = condition.quantifier === 'any' ? wrong.length < there.length : wrong.length === 0;
  return met ? undefined : wrong[0];
}

function lengthOf(member: unknown): number {
  return typeof member === 'string' ? member.length : 0;
}

/** The members that the JSON pointer (RFC 6901) names, `*` standing for every one, ABSENT where one has none; only what the value itself holds counts. undefined: too many. */
function membersAt(value: unknown, steps: readonly string[]): unknown[] | undefined {
  let level: unknown[] = [value];
  for (const step of steps) {
    const next: unknown[] = [];
    for (const at of level) {
      if (typeof at !== 'object' || at === null) next.push(ABSENT);
      else if (step === '*') for (const member of Object.values(at)) next.push(member);
      else if (hasMember(at, unescaped(step))) next.push((at as Record<string, unknown>)[unescaped(step)]);
      else next.push(ABSENT);
      if (next.length > MAX_MEMBERS) return undefined;
    }
    level = next;
  }
  return level;
}

function hasMember(value: object, key: string): boolean {
  return Array.isArray(value) ? /^(?:0|[1-9]\d{0,8})$/.test(key) && Number(key) < value.length : Object.hasOwn(value, key);
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** A test of one member: why it fails, undefined when it does not. Nothing is converted: the text "1" is not the number 1. */
function testOf(condition: Condition): (member: unknown) => string | undefined {
  const pattern = condition.matches === undefined ? undefined : wholeTextPattern(condition.matches);
  const { equals, min, max } = condition;
  const number = (member: unknown): member is number => typeof member === 'number' && Number.isFinite(member);
  return (member) => {
    if (equals !== undefined && member !== equals) return `is ${shown(member)}, and must be ${shown(equals)}`;
    if (condition.in?.includes(member as string) === false)
      return `is ${shown(member)}, and must be one of ${condition.in.map(shown).join(', ').slice(0, 300)}`;
    if (pattern && !(typeof member === 'string' && member.length <= MAX_TEXT && pattern.test(member)))
      return `is ${shown(member)}, and must match ${condition.matches}`;
    if (min !== undefined && !(number(member) && member >= min)) return `is ${shown(member)}, and must be a number of at least ${min}`;
    if (max !== undefined && !(number(member) && member <= max)) return `is ${shown(member)}, and must be a number of at most ${max}`;
    return undefined;
  };
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `"${oneLine(value, 100)}"`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'a mapping' : String(value);
}
