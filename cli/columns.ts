// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../lib/log/log.ts';

/** Rows as aligned columns for a terminal, the last one as long as it is. Control characters of foreign text are not handed on. */
export function columns(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(oneLine));
  const widths = (clean[0] ?? []).map((_cell, at) => Math.max(...clean.map((row) => row[at]?.length ?? 0)));
  return clean.map((row) => `${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')}\n`).join('');
}
