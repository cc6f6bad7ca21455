// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { SEVERITIES } from './findings.ts';
import { readPolicy } from './policy.ts';
import type { Policy } from './policy-schema.ts';
import type { Place } from './policy-yaml.ts';
import { fieldName } from './read-by-schema.ts';
import { STAGES } from './schema-parts.ts';
import type { Block, Waiver } from './vulnerabilities-schema.ts';

/** `error`: nothing can be judged by the file. `warning`: it can, and it does not say what it seems to say. */
export type LintFinding = {
  severity: 'error' | 'warning';
  code: 'invalid' | 'key' | 'enforces-nothing' | 'same-rule' | 'never-applies' | 'expired' | 'expires-soon';
  place: Place | undefined;
  message: string;
};

/** What a check finds, at a path of the file. */
type Found = { code: LintFinding['code']; path: PropertyKey[]; message: string };

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 14;

/** All that is wrong or odd with a policy file, in the order of the file; pure, `now` decides what is expired. */
export function lintPolicy(bytes: Uint8Array, now: Date): LintFinding[] {
  const { value, content, problems, placeOf } = readPolicy(bytes);
  const errors = problems.map(({ place, message }): LintFinding => ({ severity: 'error', code: 'invalid', place, message }));
  const found = [...endings(content, [], now), ...(value === undefined ? [] : [...stageFindings(value), ...sameRules(value), ...uselessEntries(value)])];
  const warnings = found.map(({ code, path, message }): LintFinding => {
    return { severity: 'warning', code, place: placeOf(path), message: `${fieldName(path)}: ${message}` };
  });
  return inOrder([...errors, ...warnings]);
}

/** Findings in the order of the file; those without a place come first. */
export function inOrder(findings: readonly LintFinding[]): LintFinding[] {
  return findings.toSorted((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0));
}

/** Waivers and whatever else has a last day, wherever in the file. */
function endings(value: unknown, path: PropertyKey[], now: Date): Found[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => endings(item, [...path, index], now));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    if (key !== 'expires' || typeof member !== 'string') return endings(member, [...path, key], now);
    const end = endOf(member);
    if (end === undefined) return [];
    const left = end - now.getTime();
    const at = [...path, key];
    if (left <= 0) return [{ code: 'expired', path: at, message: `ended with ${member} and no longer applies; remove the entry, or decide anew` }];
    return left <= SOON_DAYS * DAY_MS ? [{ code: 'expires-soon', path: at, message: `ends with ${member}, within ${SOON_DAYS} days` }] : [];
  });
}

/** The end of the day (UTC). */
function endOf(day: string): number | undefined {
  const time = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(time) ? undefined : time + DAY_MS;
}

/** A stage with rules of level warn alone fails always: a verdict that nothing could fail would vouch for anything. */
function stageFindings({ rules }: Policy): Found[] {
  return STAGES.flatMap((stage) => {
    const judged = rules.filter(({ stages }) => stages.includes(stage));
    if (judged.some(({ level }) => level === 'enforce')) return [];
    const why = judged.length === 0 ? 'no rule is of this stage' : 'no rule of this stage has level enforce';
    return [{ code: 'enforces-nothing', path: ['rules'], message: `a verdict of stage ${stage} fails always: ${why}` }];
  });
}

/** Rules that ask the same of the same stage; the second one can tell nothing new, whatever its level. */
function sameRules({ rules }: Policy): Found[] {
  const asked = rules.map(({ id: _id, description: _description, level: _level, stages: _stages, ...asks }) => asks);
  return rules.flatMap((rule, index) => {
    const twin = rules.findIndex(
      (other, at) => at < index && isDeepStrictEqual(asked[at], asked[index]) && rule.stages.every((stage) => other.stages.includes(stage)),
    );
    return twin < 0 ? [] : [{ code: 'same-rule', path: ['rules', index, 'id'], message: `asks the same as rule ${rules[twin]?.id} at the same stages` }];
  });
}

/** Entries of a list that an earlier or wider one of the same list leaves nothing to do for. */
function uselessEntries({ rules }: Policy): Found[] {
  return rules.flatMap((rule, index) => {
    if (rule.type !== 'vulnerabilities') return [];
    const blocks = covered(rule.block, blocksMore).map(([at, by]): Found => {
      return { code: 'never-applies', path: ['rules', index, 'block', at], message: `never applies: block[${by}] blocks all of it already` };
    });
    const waivers = covered(rule.waivers, waivesMore).map(([at, by]): Found => {
      return { code: 'never-applies', path: ['rules', index, 'waivers', at], message: `never applies: waivers[${by}] covers all of it, and as long` };
    });
    return [...blocks, ...waivers];
  });
}

/** Pairs of a useless entry and the one that makes it so; of two that do the same, the later one is useless. */
function covered<T>(entries: readonly T[], covers: (wide: T, narrow: T) => boolean): [at: number, by: number][] {
  return entries.flatMap((entry, at) => {
    const by = entries.findIndex((other, index) => index !== at && covers(other, entry) && (index < at || !covers(entry, other)));
    return by < 0 ? [] : [[at, by] as [number, number]];
  });
}

/** Whether the wide entry blocks whatever the narrow one does, whose further conditions only make it narrower. */
function blocksMore(wide: Block, narrow: Block): boolean {
  const { severity, fix, ifUnknown: _ifUnknown, ...further } = wide;
  if (severity === undefined || narrow.severity === undefined || Object.values(further).some((condition) => condition !== undefined)) return false;
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(narrow.severity) && (fix === 'any' || fix === narrow.fix);
}

function waivesMore(wide: Waiver, narrow: Waiver): boolean {
  if (wide.id.toUpperCase() !== narrow.id.toUpperCase() || wide.expires < narrow.expires) return false;
  return (['package', 'purl', 'images'] as const).every((scope) => wide[scope] === undefined || isDeepStrictEqual(wide[scope], narrow[scope]));
}
