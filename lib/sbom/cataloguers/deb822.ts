// SPDX-License-Identifier: Apache-2.0

/** Fields of one stanza by lower-case name; continuation lines are kept, joined by line feeds, without their first blank. */
export type Stanza = Map<string, string>;

/**
 * Reads text in the format of Debian control files (Debian Policy 5.1, deb822(5)): stanzas apart by blank lines, `Name: value`, continuation
 * lines that start with a blank. A line that fits nowhere is passed over, as dpkg's own readers of status files do not write any.
 */
export function parseStanzas(text: string): Stanza[] {
  const stanzas: Stanza[] = [];
  let stanza: Stanza = new Map();
  let field = '';
  const close = (): void => {
    if (stanza.size > 0) stanzas.push(stanza);
    stanza = new Map();
    field = '';
  };
  for (const line of text.split('\n')) {
    if (line.trim() === '') close();
    else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (field !== '') stanza.set(field, `${stanza.get(field)}\n${line.slice(1)}`);
    } else if (!line.startsWith('#')) {
      const colon = line.indexOf(':');
      if (colon <= 0) continue;
      field = line.slice(0, colon).toLowerCase();
      stanza.set(field, line.slice(colon + 1).trim());
    }
  }
  close();
  return stanzas;
}
