// SPDX-License-Identifier: Apache-2.0

/**
 * Whether the glob matches the whole text: `*` stands for any run of characters but `/`, `**` for any run, everything else for itself. Time is the product of the text's length and the number of
 * stars at most, since the text may be a stranger's.
 */
export function globMatches(glob: string, text: string): boolean {
  const star = glob.indexOf('*');
  if (star < 0) return glob === text;
  if (!text.startsWith(glob.slice(0, star))) return false;
  // Most globs of a long list are told apart by their words alone.
  if (!glob.split('*').every((word) => text.includes(word))) return false;
  const words = glob.slice(star).split(/\*+/).slice(1);
  const stars = glob.match(/\*+/g) ?? [];
  let reached: Uint8Array = new Uint8Array(text.length + 1);
  reached[star] = 1;
  for (const [index, word] of words.entries()) reached = after(stars[index] ?? '', word, text, reached);
  return reached[text.length] === 1;
}

/** The places in the text that lie behind the word, behind what the star stands for, from those that were reached before. */
function after(star: string, word: string, text: string, reached: Uint8Array): Uint8Array {
  const next = new Uint8Array(text.length + 1);
  let within = false;
  for (let at = reached.indexOf(1); at >= 0 && at <= text.length; at++) {
    if (reached[at] === 1) within = true;
    if (within && text.startsWith(word, at)) next[at + word.length] = 1;
    if (star.length === 1 && text[at] === '/') within = false;
  }
  return next;
}
