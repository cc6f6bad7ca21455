// SPDX-License-Identifier: Apache-2.0

/** Foreign text as one line for a message: control, format and separator characters (line breaks, bidirectional overrides) become spaces, and it is cut after `max` code units. */
export function oneLine(text: string, max = 200): string {
  const line = text
    .slice(0, max + 1)
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
    .trim();
  return text.length > max ? `${line.slice(0, max)}…` : line;
}
