// SPDX-License-Identifier: Apache-2.0
import { unifiedDiff } from './unified-diff.ts';

/** A unified diff from what stands in the catalog to what the sources give, for each file that is stale, missing or left over. */
export function staleFiles(found: ReadonlyMap<string, string>, generated: ReadonlyMap<string, string>): string[] {
  const paths = [...new Set([...found.keys(), ...generated.keys()])];
  const diffs = paths.map((path) => unifiedDiff(`catalog/${path}`, found.get(path), generated.get(path))).filter((diff) => diff !== '');
  return diffs.length === 0 ? [] : [...diffs, 'run "npm run generate" and commit what it writes'];
}
