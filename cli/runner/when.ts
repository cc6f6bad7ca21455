// SPDX-License-Identifier: Apache-2.0
import type { WhenExpression } from './manifest.ts';
import { type Scope, substituteList, substituteText } from './substitute.ts';

/**
 * The `when` expressions with their variables filled in (an array variable in `values` becomes its items) and whether they let the task run:
 * all must hold, none at all lets it run. Tekton docs/pipelines.md, "Guard Task execution using when expressions".
 */
export function evaluateWhen(expressions: readonly WhenExpression[], scope: Scope): { allowed: boolean; resolved: WhenExpression[] } {
  const resolved = expressions.map(({ input, operator, values }) => ({
    input: substituteText(input, scope),
    operator,
    values: substituteList(values, scope),
  }));
  return { allowed: resolved.every(({ input, operator, values }) => values.includes(input) === (operator === 'in')), resolved };
}
