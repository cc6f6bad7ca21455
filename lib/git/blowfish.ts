// SPDX-License-Identifier: Apache-2.0

const P_WORDS = 18;
const S_WORDS = 4 * 256;

/** Blowfish's state: 18 subkeys, then four boxes of 256 words, in one array. */
export type BlowfishState = Int32Array;

let start: BlowfishState | undefined;

/** The state before any key: the first 1042 words of the fractional part of pi (Schneier, "Description of a New Variable-Length Key", 1993). */
export function blowfishState(): BlowfishState {
  start ??= piWords(P_WORDS + S_WORDS);
  return start.slice();
}

/** Mixes `key`, and `salt` where it is given, into the state (Provos and Mazières, "A Future-Adaptable Password Scheme", 1999: ExpandKey). Both are used in a circle. */
export function expandKey(state: BlowfishState, key: Uint8Array, salt?: Uint8Array): void {
  const keyAt = { at: 0 };
  for (let i = 0; i < P_WORDS; i += 1) state[i] = (state[i] ?? 0) ^ nextWord(key, keyAt);
  const saltAt = { at: 0 };
  const block = new Int32Array(2);
  for (let i = 0; i < P_WORDS + S_WORDS; i += 2) {
    if (salt !== undefined) {
      block[0] = (block[0] ?? 0) ^ nextWord(salt, saltAt);
      block[1] = (block[1] ?? 0) ^ nextWord(salt, saltAt);
    }
    encipher(state, block, 0);
    state[i] = block[0] ?? 0;
    state[i + 1] = block[1] ?? 0;
  }
}

/** Enciphers the two words at `at`. */
export function encipher(state: BlowfishState, words: Int32Array, at: number): void {
  let left = words[at] ?? 0;
  let right = words[at + 1] ?? 0;
  for (let round = 0; round < 16; round += 2) {
    left ^= state[round] ?? 0;
    right ^= mix(state, left) ^ (state[round + 1] ?? 0);
    left ^= mix(state, right);
  }
  words[at] = right ^ (state[17] ?? 0);
  words[at + 1] = left ^ (state[16] ?? 0);
}

function mix(state: BlowfishState, word: number): number {
  const a = state[P_WORDS + (word >>> 24)] ?? 0;
  const b = state[P_WORDS + 256 + ((word >>> 16) & 255)] ?? 0;
  const c = state[P_WORDS + 512 + ((word >>> 8) & 255)] ?? 0;
  const d = state[P_WORDS + 768 + (word & 255)] ?? 0;
  return ((((a + b) | 0) ^ c) + d) | 0;
}

/** The next four bytes as a big-endian word, beginning anew at the end. */
export function nextWord(bytes: Uint8Array, cursor: { at: number }): number {
  let word = 0;
  for (let i = 0; i < 4; i += 1) {
    word = (word << 8) | (bytes[cursor.at] ?? 0);
    cursor.at = (cursor.at + 1) % bytes.length;
  }
  return word;
}

/** Pi by Machin's formula, pi = 16 arctan(1/5) − 4 arctan(1/239), in integers with guard bits. */
function piWords(count: number): BlowfishState {
  const bits = BigInt(count * 32);
  const guard = 64n;
  const one = 1n << (bits + guard);
  const pi = 16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one);
  const fraction = (pi - 3n * one) >> guard;
  const hex = fraction.toString(16).padStart(count * 8, '0');
  return Int32Array.from({ length: count }, (_, index) => Number.parseInt(hex.slice(index * 8, index * 8 + 8), 16) | 0);
}

function arctanOfInverse(x: bigint, one: bigint): bigint {
  let power = one / x;
  let sum = power;
  for (let n = 3n, sign = -1n; power > 0n; n += 2n, sign = -sign) {
    power /= x * x;
    sum += (sign * power) / n;
  }
  return sum;
}
