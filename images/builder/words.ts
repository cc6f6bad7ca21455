// SPDX-License-Identifier: Apache-2.0
import { invalid, type Place, unsupported } from './logical-lines.ts';

/** Values by name; a declared name without a value is there with `undefined`. */
export type Variables = ReadonlyMap<string, string | undefined>;

const VARIABLE = /^(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/;

/**
 * Splits at blanks outside quotes, takes quotes and backslashes away and puts variables in, in single quotes not (Dockerfile reference,
 * "Environment replacement"). Unlike Docker, which puts nothing in its place, a variable that is not declared or has no value is input DOCKERFILE_INVALID.
 */
export function splitWords(text: string, variables: Variables, place: Place): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (quote === undefined && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === quote) {
      quote = undefined;
    } else if (quote === undefined && (char === '"' || char === "'")) {
      quote = char;
      word ??= '';
    } else if (char === '\\' && quote !== "'") {
      at += 1;
      word = (word ?? '') + (text[at] ?? '');
    } else if (char === '$' && quote !== "'") {
      const { value, length } = substitute(text.slice(at + 1), variables, place);
      word = (word ?? '') + value;
      at += length;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== undefined) throw invalid(place, `the quote ${quote} is not closed`);
  return word === undefined ? words : [...words, word];
}

function substitute(rest: string, variables: Variables, place: Place): { value: string; length: number } {
  const match = VARIABLE.exec(rest);
  const name = match?.[1] ?? match?.[2];
  if (match === null || name === undefined) throw unsupported(place, `$${rest.slice(0, 20)}`, `only $NAME and \${NAME} are in the subset`);
  const value = variables.get(name);
  if (value === undefined) throw invalid(place, `\${${name}} has no value: ${variables.has(name) ? 'give it one for this build' : 'no ARG declares it here'}`);
  return { value, length: match[0].length };
}
