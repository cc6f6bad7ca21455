// SPDX-License-Identifier: Apache-2.0

/** One challenge of a WWW-Authenticate header; scheme and parameter names in lower case. */
export type Challenge = { scheme: string; params: Record<string, string> };

const MAX_HEADER = 8192;
const TOKEN = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y;
const SPACE = /[ \t]*/y;

/**
 * Reads WWW-Authenticate (RFC 9110 section 11.6.1): several challenges with quoted or bare parameters. What cannot be
 * read ends the list; a header over 8 KiB gives none.
 */
export function parseChallenges(header: string | undefined): Challenge[] {
  if (header === undefined || header.length > MAX_HEADER) return [];
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(header)?.[0] ?? '';
    at += found.length;
    return found;
  };
  while (at < header.length) {
    take(SPACE);
    if (header[at] === ',') {
      at += 1;
      continue;
    }
    const name = take(TOKEN);
    if (name === '') break;
    take(SPACE);
    const current = challenges.at(-1);
    if (header[at] !== '=' || current === undefined) {
      challenges.push({ scheme: name.toLowerCase(), params: Object.create(null) as Record<string, string> });
      continue;
    }
    at += 1;
    take(SPACE);
    const value = header[at] === '"' ? quoted(header, at) : undefined;
    current.params[name.toLowerCase()] = value?.text ?? take(TOKEN);
    if (value !== undefined) at = value.end;
  }
  return challenges;
}

/** The quoted-string that starts at `start`; an unterminated one runs to the end. */
function quoted(header: string, start: number): { text: string; end: number } {
  let text = '';
  let at = start + 1;
  while (at < header.length && header[at] !== '"') {
    if (header[at] === '\\') at += 1;
    text += header[at] ?? '';
    at += 1;
  }
  return { text, end: at + 1 };
}
