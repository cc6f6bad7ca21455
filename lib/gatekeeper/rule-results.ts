// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../policy/foreign-text.ts';
import type { Problem, RuleResult, Verdict } from '../policy/verdict.ts';
import type { Review } from './gatekeeper.ts';
import type { Constraint } from './protocol.ts';

/** What does not stop an admission. Any other action does, so that a word that nobody knows lets nothing in. */
const TOLERANT = new Set(['warn', 'dryrun']);
const MAX_PROBLEMS = 200;

type Violations = Review['violations'];

/**
 * The review as rules of a verdict, one a constraint, in their order: `Kind/name`, of level enforce unless all that it does here is warn or dryrun. An ExpansionTemplate that says otherwise for what it expands decides for that.
 * A constraint that is for other enforcement points alone is no rule.
 */
export function gatekeeperRules({ constraints, objects, violations }: Review, about: string): RuleResult[] {
  return constraints
    .filter(({ actions }) => actions && actions.length > 0)
    .map((constraint) => {
      const own = violations.filter(({ kind, name }) => kind === constraint.kind && name === constraint.name);
      return ruleOf(constraint, own, { count: objects.length, about });
    });
}

function ruleOf({ kind, name, actions }: Constraint, violations: Violations, reviewed: { count: number; about: string }): RuleResult {
  const deciding = violations.length > 0 ? violations.flatMap(({ action, actions: scoped }) => (scoped?.length ? scoped : [action])) : (actions ?? []);
  const places = new Set(violations.map(({ object }) => object)).size;
  const shown = violations.slice(0, MAX_PROBLEMS);
  return {
    id: oneLine(`${kind}/${name}`),
    type: 'gatekeeper',
    level: deciding.every((action) => TOLERANT.has(action)) ? 'warn' : 'enforce',
    outcome: violations.length === 0 ? 'passed' : 'failed',
    summary:
      violations.length === 0
        ? `no violation in ${objectCount(reviewed.count)}`
        : `${violations.length} ${violations.length === 1 ? 'violation' : 'violations'} in ${places} of ${objectCount(reviewed.count)}`,
    facts: [
      `enforcement: ${[...new Set(deciding)]
        .sort()
        .map((action) => oneLine(action, 50))
        .join(', ')}`,
      `reviewed: ${reviewed.about}`,
      ...(shown.length < violations.length ? [`${violations.length} violations, of which the first ${shown.length} are listed`] : []),
    ],
    problems: shown.map(problemOf),
    evidence: [],
  };
}

function problemOf({ reviewed: { kind, namespace, name, file }, message }: Violations[number]): Problem {
  const object = namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
  return {
    object: oneLine(object, 300),
    reason: oneLine(message, 1000),
    remedy: oneLine(`change it in ${file}, or the constraint`, 300),
  };
}

function objectCount(count: number): string {
  return count === 1 ? '1 object' : `${count} objects`;
}

/** The verdict with more rules: it is passed only if it was, and every enforced one of them is. */
export function withRules(verdict: Verdict, rules: readonly RuleResult[]): Verdict {
  const fails = rules.some(({ level, outcome }) => level === 'enforce' && outcome === 'failed');
  return { ...verdict, rules: [...verdict.rules, ...rules], outcome: fails ? 'failed' : verdict.outcome };
}
