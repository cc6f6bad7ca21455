// SPDX-License-Identifier: Apache-2.0
import { unifiedDiff } from '../../scripts/check/unified-diff.ts';
import type { Outcome } from './campaign.ts';
import { type Mutant, mutate } from './mutant.ts';

const MAX_NAME = 90;

/** The outcomes as a table: id, by which test it was caught, seconds. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const width = Math.max(...outcomes.map(({ mutant }) => mutant.id.length), 'mutant'.length);
  const rows = outcomes.map(({ mutant, finding, seconds }) => {
    const by = finding.kind === 'caught' ? shorten(finding.by) : finding.kind.toUpperCase();
    return `${mutant.id.padEnd(width)}  ${seconds.toFixed(1).padStart(5)} s  ${by}`;
  });
  return [`${'mutant'.padEnd(width)}  ${'time'.padStart(7)}  caught by`, ...rows].join('\n');
}

/** What to do about a mutant that no test caught: what it would mean, and the change itself. `original` is the text of its file. */
export function survivorText(mutant: Mutant, original: string): string {
  const heading = `${mutant.id} survived ${mutant.tests.join(', ')}\nit would mean: ${mutant.gain}`;
  return `${heading}\n${unifiedDiff(mutant.file, original, mutate(mutant, original))}`;
}

/** One mutant a paragraph, for `--list`. */
export function listing(mutants: readonly Mutant[]): string {
  return mutants
    .map(
      ({ id, file, gain, tests, peers }) =>
        `${id}${peers === undefined ? '' : ` (needs the peers of test/${peers})`}\n  ${file}\n  ${gain}\n  ${tests.join(', ')}`,
    )
    .join('\n');
}

function shorten(text: string): string {
  return text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}…` : text;
}
