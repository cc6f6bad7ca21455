// SPDX-License-Identifier: Apache-2.0

/**
 * Whether the glob matches the whole text: `*` stands for any run of characters but `/`, `**` for any run, everything else for itself. Time is the product of the two lengths at most,
 * since the text may be a stranger's.
 */
export function globMatches(glob: string, text: string): boolean {
  const star = glob.indexOf('*');
  if (star < 0) return glob === text;
  if (!text.startsWith(glob.slice(0, star))) return false;
  // Most globs of a long list are told apart by their words alone.
  if (!glob.split('*').every((word) => text.includes(word))) return false;
  const parts = glob.slice(star).match(/\*\*+|\*|[^*]/gsu) ?? [];
  let current = reach(new Set([0]), parts);
  for (const character of text.slice(star)) {
    const next = new Set<number>();
    for (const at of current) {
      const part = parts[at];
      if (part === undefined) continue;
      if (part.startsWith('*') ? part.length > 1 || character !== '/' : part === character) next.add(part.startsWith('*') ? at : at + 1);
    }
    if (next.size === 0) return false;
    current = reach(next, parts);
  }
  return current.has(parts.length);
}

/** The places, and those behind stars that stand for nothing. */
function reach(places: Set<number>, parts: readonly string[]): Set<number> {
  for (const at of places) if (parts[at]?.startsWith('*')) places.add(at + 1);
  return places;
}
