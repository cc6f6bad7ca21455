// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * `count` mutants by a seed, in an order that mixes the rooms. Seeds that follow each other take turns: after as many of them as it takes, every mutant was drawn.
 * More than there are give all of them.
 */
export function drawSample<T extends { id: string }>(mutants: readonly T[], count: number, seed: number): T[] {
  const size = mutants.length;
  if (count >= size) return [...mutants];
  const mixed = mutants
    .map((mutant) => ({ mutant, rank: createHash('sha256').update(mutant.id).digest('hex') }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ mutant }) => mutant);
  const start = Number((BigInt(seed) * BigInt(count)) % BigInt(size));
  return [...mixed, ...mixed].slice(start, start + count);
}

/** The seed of a day, one more each day (UTC). */
export function seedOfDay(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** A seed from a number or from the hash of a commit (at least seven hex digits); undefined for anything else. */
export function parseSeed(text: string): number | undefined {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return /^[0-9a-f]{7,64}$/.test(text) ? Number.parseInt(text.slice(0, 12), 16) : undefined;
}
