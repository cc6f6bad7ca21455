// SPDX-License-Identifier: Apache-2.0
import { oneLine } from './foreign-text.ts';

/**
 * Text that may hold foreign words as inert Markdown prose on one line: no markup, HTML, table cell, link or mention comes of it (CommonMark 0.31, "Backslash escapes"). GitHub and GitLab
 * link bare URLs, `@name`, `#1` and their like also where the character is escaped, hence the zero-width space; how they split tables at escaped bars differs, hence no bars.
 */
export function prose(text: string, max = 400): string {
  return oneLine(text, max)
    .replaceAll('`', "'")
    .replaceAll('|', '¦')
    .replace(/[\\*_{}[\]<>()~&!$^#]/g, '\\$&')
    .replace(/([@#!~%&$])(?=\w)/g, '$1\u200b')
    .replace(/:\/\//g, '\\://')
    .replace(/\bwww\./gi, 'www\\.')
    .replace(/^([-+=]|\d+(?=[.)]))/, (start) => (/\d/.test(start) ? `${start}\\` : `\\${start}`));
}

/** Foreign text as a code span on one line, which renders as written but for backticks and bars. */
export function code(text: string, max = 200): string {
  const inner = oneLine(text, max).replaceAll('`', "'").replaceAll('|', '¦');
  return inner === '' ? '–' : `\`${inner}\``;
}

/** Rows as a GitHub-flavoured table; cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
