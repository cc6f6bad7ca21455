// SPDX-License-Identifier: Apache-2.0

const HEAD = '# Results\n\nEach section is written by the command that it names, and by nothing else.\n';

/** The text of bench/RESULTS.md with the section `## title` replaced, or put at the end; the other sections stay as they are. An empty text is a new file. */
export function withSection(text: string, title: string, body: string): string {
  const [head = '', ...sections] = (text.trim() === '' ? HEAD : text).split(/^(?=## )/m).map((part) => part.trim());
  const heading = `## ${title}`;
  const section = `${heading}\n\n${body.trim()}`;
  const isOld = (part: string): boolean => part.split('\n')[0] === heading;
  const placed = sections.some(isOld) ? sections.map((part) => (isOld(part) ? section : part)) : [...sections, section];
  return `${[head, ...placed].join('\n\n')}\n`;
}

/** A table of Markdown; a `|` in a cell is escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The middle of the values, the mean of the two middle ones when their number is even. Throws for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]];
  if (low === undefined || high === undefined) throw new RangeError('there is no median of nothing');
  return (low + high) / 2;
}
