// SPDX-License-Identifier: Apache-2.0

const MAX_DEPTH = 200;
/** Keys of one mapping; whatever parses JSON becomes slow with very many. */
const MAX_KEYS = 20_000;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses JSON (RFC 8259) that two parsers could not read differently: throws an Error for what is no JSON, for a key that a mapping has twice (RFC 8259 section 4 leaves open which counts),
 * for the key `__proto__`, for more than 200 levels, and for more than 20,000 keys in one mapping.
 */
export function parseStrictJson(text: string): unknown {
  checkKeys(text);
  return JSON.parse(text);
}

/** Walks over the tokens of JSON; what is none is left to the parser. */
function checkKeys(text: string): void {
  // The keys of each open mapping; undefined for a list.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (end < 0) return;
      const keys = open.at(-1);
      if (keys !== undefined && isKey(text, end)) addKey(keys, text.slice(at, end + 1));
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      if (open.length >= MAX_DEPTH) throw new Error(`is nested more than ${MAX_DEPTH} levels deep`);
      open.push(code === 0x7b ? new Set() : undefined);
    } else if (code === 0x7d || code === 0x5d) open.pop();
  }
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}

function isKey(text: string, end: number): boolean {
  let at = end + 1;
  while (text.charCodeAt(at) <= 0x20) at++;
  return text[at] === ':';
}

function addKey(keys: Set<string>, quoted: string): void {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
  if (key === '__proto__') throw new Error('has the key "__proto__"');
  if (keys.has(key)) throw new Error(`has the key "${key.slice(0, 80)}" twice in one mapping`);
  if (keys.size >= MAX_KEYS) throw new Error(`has more than ${MAX_KEYS} keys in one mapping`);
  keys.add(key);
}
