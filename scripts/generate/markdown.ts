// SPDX-License-Identifier: Apache-2.0

/** A Markdown table; `|` and line breaks in cells are made harmless. An empty list of rows gives the sentence `none` instead. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], none: string): string {
  if (rows.length === 0) return `${none}\n`;
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(toCell).join(' | ')} |`);
  return `${lines.join('\n')}\n`;
}

export function code(text: string): string {
  return `\`${text}\``;
}

export function yamlBlock(text: string): string {
  return `\`\`\`yaml\n${text.trim()}\n\`\`\`\n`;
}

function toCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}
