// SPDX-License-Identifier: Apache-2.0

/** A pattern that a whole text matches or not. */
export type TextPattern = { test(text: string): boolean };

type Node =
  | { kind: 'character'; test: RegExp }
  | { kind: 'sequence'; items: readonly Node[] }
  | { kind: 'choice'; options: readonly Node[] }
  | { kind: 'repeat'; item: Node; min: number; max: number };

/** A state that takes one character, or one that goes on to others at once. */
type State = { test: RegExp; next: number } | { jumps: number[] };

const MAX_STATES = 1000;
const MAX_DEPTH = 20;
const MAX_COUNT = 100;
const ACCEPT = 0;
const ESCAPE = /^\\(?:[dDwWsS]|[pP]\{[A-Za-z_=]+\}|[^A-Za-z0-9\s])/u;
const CLASS = /^\[(?:\\.|[^\]\\])+\]/su;
const COUNT = /^\{(\d{1,3})(,(\d{1,3})?)?\}/;

/**
 * A regular expression (the part that JavaScript and RE2, which cosign matches with, share) for a whole text; `^` in front and `$` at the end may stand there.
 * Its time is linear in the text, since the text is what a stranger had put into a certificate: all ways through the pattern are followed at once (Thompson, CACM 11(6), 1968).
 * Lookaround, backreferences and named groups are not there. Throws an Error that says what is wrong with the source.
 */
export function wholeTextPattern(source: string): TextPattern {
  const states: State[] = [{ jumps: [] }];
  const start = build(parse(source), ACCEPT, states);
  return {
    test(text) {
      let current = closure([start], states);
      for (const character of text) {
        if (current.size === 0) return false;
        current = closure(
          [...current].flatMap((index) => {
            const state = states[index];
            return state && 'test' in state && state.test.test(character) ? [state.next] : [];
          }),
          states,
        );
      }
      return current.has(ACCEPT);
    },
  };
}

/** The states, and all that they go on to without a character. */
function closure(from: readonly number[], states: readonly State[]): Set<number> {
  const found = new Set(from);
  for (const index of found) {
    const state = states[index];
    if (state && 'jumps' in state) for (const next of state.jumps) found.add(next);
  }
  return found;
}

/** Adds the states of the node; gives the one that it begins with. */
function build(node: Node, next: number, states: State[]): number {
  switch (node.kind) {
    case 'character':
      return added({ test: node.test, next }, states);
    case 'sequence':
      return node.items.reduceRight((following, item) => build(item, following, states), next);
    case 'choice':
      return added({ jumps: node.options.map((option) => build(option, next, states)) }, states);
    case 'repeat': {
      let start = next;
      if (node.max === Number.POSITIVE_INFINITY) {
        const jumps = [next];
        start = added({ jumps }, states);
        jumps.push(build(node.item, start, states));
      } else for (let count = node.min; count < node.max; count++) start = added({ jumps: [build(node.item, start, states), next] }, states);
      for (let count = 0; count < node.min; count++) start = build(node.item, start, states);
      return start;
    }
  }
}

function added(state: State, states: State[]): number {
  if (states.length >= MAX_STATES) throw new Error('is too large a regular expression');
  return states.push(state) - 1;
}

function parse(source: string): Node {
  let rest = source.replace(/^\^/, '');
  let depth = 0;

  function take(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(rest);
    if (found) rest = rest.slice(found[0].length);
    return found ?? undefined;
  }
  function choice(): Node {
    const options = [sequence()];
    while (take(/^\|/)) options.push(sequence());
    return { kind: 'choice', options };
  }
  function sequence(): Node {
    const items: Node[] = [];
    while (rest !== '' && !/^[|)]/.test(rest)) {
      if (depth === 0 && rest === '$') rest = '';
      else items.push(repeated(item()));
    }
    return { kind: 'sequence', items };
  }
  function item(): Node {
    if (take(/^\((?:\?:)?(?!\?)/)) return group();
    if (/^\(\?/.test(rest)) throw new Error('must not look around, nor name groups');
    if (/^\\[1-9k]/.test(rest)) throw new Error('must not look back at a group');
    const [text = ''] = take(ESCAPE) ?? take(CLASS) ?? take(/^[^\\[\](){}*+?^$|]/su) ?? [];
    return { kind: 'character', test: oneCharacter(text) };
  }
  function group(): Node {
    depth += 1;
    if (depth > MAX_DEPTH) throw new Error('is nested too deeply');
    const inner = choice();
    depth -= 1;
    if (!take(/^\)/)) throw new Error('is not a regular expression: a parenthesis is not closed');
    return inner;
  }
  function repeated(node: Node): Node {
    const [sign = ''] = take(/^[*+?]/) ?? [];
    const counted = sign === '' ? take(COUNT) : undefined;
    if (sign === '' && !counted) return node;
    take(/^\?/);
    if (!counted) return { kind: 'repeat', item: node, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Number.POSITIVE_INFINITY };
    const min = Number(counted[1]);
    const max = counted[2] === undefined ? min : counted[3] === undefined ? Number.POSITIVE_INFINITY : Number(counted[3]);
    if (min > MAX_COUNT || (max > MAX_COUNT && max !== Number.POSITIVE_INFINITY) || min > max) throw new Error(`must not repeat more than ${MAX_COUNT} times`);
    return { kind: 'repeat', item: node, min, max };
  }

  const whole = choice();
  if (rest !== '') throw new Error('is not a regular expression: a parenthesis is closed that was not opened');
  return whole;
}

/** A character, escape or class, as the platform understands it. */
function oneCharacter(text: string): RegExp {
  try {
    if (text === '') throw new Error('there is none');
    return new RegExp(`^${text}$`, 'u');
  } catch (cause) {
    throw new Error('is not a regular expression', { cause });
  }
}
