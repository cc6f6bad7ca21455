// SPDX-License-Identifier: Apache-2.0
import { type Finding, severityRank } from '../findings.ts';
import type { RuleOf } from '../policy-schema.ts';
import type { Block } from '../vulnerabilities-schema.ts';
import { DAY_MS, moment } from './stated-time.ts';

/** What a rule does about a finding; `why` says which of its entries blocks, where that is not plain from severity and fix. */
export type Answer = { kind: 'block' | 'warn' | 'pass'; why: string[] };

/** A test of an entry: met, not met, or not to be told because the report does not carry what it asks for. */
type Test = { met: boolean | undefined; why?: string };

/** The answer of the rule to a finding: the first entry that blocks, or what it does about unknown severities. */
export function answerTo(rule: RuleOf<'vulnerabilities'>, finding: Finding, now: Date): Answer {
  for (const entry of rule.block) {
    const tests = testsOf(entry, finding, now);
    if (tests.some(({ met }) => met === false)) continue;
    if (tests.some(({ met }) => met === undefined) && entry.ifUnknown === 'pass') continue;
    return { kind: 'block', why: tests.flatMap(({ why }) => why ?? []) };
  }
  if (finding.severity !== 'unknown' || !rule.block.some(({ severity }) => severity !== undefined)) return { kind: 'pass', why: [] };
  return { kind: rule.unknownSeverity === 'ignore' ? 'pass' : rule.unknownSeverity, why: [] };
}

function testsOf(entry: Block, finding: Finding, now: Date): Test[] {
  const tests: Test[] = [];
  if (entry.severity !== undefined) tests.push({ met: severityRank(finding.severity) >= severityRank(entry.severity) });
  if (entry.fix === 'available')
    tests.push(finding.fix === 'unknown' ? { met: undefined, why: 'whether there is a fix is not stated' } : { met: finding.fix === 'available' });
  if (entry.minCvss !== undefined) tests.push(atLeast('CVSS', finding.cvss?.score, entry.minCvss));
  if (entry.minEpss !== undefined) tests.push(atLeast('EPSS', finding.epss, entry.minEpss));
  if (entry.kev !== undefined)
    tests.push({ met: finding.kev, why: finding.kev === undefined ? 'whether it is known to be exploited is not stated' : 'known to be exploited' });
  if (entry.leeway !== undefined) tests.push(leewayTest(entry.leeway, finding, now));
  return tests;
}

function atLeast(what: string, value: number | undefined, min: number): Test {
  return value === undefined ? { met: undefined, why: `${what} is not stated` } : { met: value >= min, why: `${what} ${value}` };
}

/** A day to come is none: it would put the end of the leeway off for ever. */
function leewayTest({ days, since }: NonNullable<Block['leeway']>, finding: Finding, now: Date): Test {
  const start = moment(since === 'published' ? finding.published : finding.fixed);
  if (start === undefined || start > now.getTime() + DAY_MS) return { met: undefined, why: `since when it is ${since} is not stated` };
  return { met: now.getTime() - start > days * DAY_MS, why: `${since} on ${new Date(start).toISOString().slice(0, 10)}, more than ${days} days ago` };
}
