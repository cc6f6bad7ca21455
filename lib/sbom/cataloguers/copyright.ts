// SPDX-License-Identifier: Apache-2.0
import { parseStanzas } from './deb822.ts';

const MAX_LICENSES = 100;
const MAX_LICENSE_LENGTH = 200;
const SPDX_LIKE = /^(?:AGPL|GPL|LGPL|GFDL)-([0-9.]+)(\+?)$/;
/** Short names of DEP-5 that differ from the SPDX id of the same licence. */
const SAME_LICENSE: Record<string, string> = {
  Expat: 'MIT',
  'BSD-2-clause': 'BSD-2-Clause',
  'BSD-3-clause': 'BSD-3-Clause',
  'BSD-4-clause': 'BSD-4-Clause',
  CC0: 'CC0-1.0',
  'MPL-1.1': 'MPL-1.1',
  'Zope-2.1': 'ZPL-2.1',
};

/**
 * The licences that a machine-readable Debian copyright file declares (DEP-5, "License specification"), as SPDX ids where the two name the
 * same text, sorted. A file in free form declares nothing that a program could quote: undefined.
 */
export function readCopyright(text: string): string[] | undefined {
  if (!/^Format(?:-Specification)?:\s*\S/im.test(text.slice(0, 4096))) return undefined;
  const licenses = new Set<string>();
  for (const stanza of parseStanzas(text)) {
    const synopsis = stanza.get('license')?.split('\n')[0]?.trim() ?? '';
    const counts = stanza.has('files') || stanza.has('format') || stanza.has('format-specification');
    if (counts && synopsis !== '' && synopsis.length <= MAX_LICENSE_LENGTH && licenses.size < MAX_LICENSES) licenses.add(spdxSpelling(synopsis));
  }
  return [...licenses].sort();
}

/** Rewrites each short name in `GPL-2+ or Artistic, and Expat`; what has no SPDX id stays as it is. */
function spdxSpelling(synopsis: string): string {
  const words = synopsis.replaceAll(',', ' ').split(/\s+/);
  const spelled = words.map((word) => {
    if (/^(?:or|and)$/i.test(word)) return word.toUpperCase();
    const gnu = SPDX_LIKE.exec(word);
    if (gnu?.[1] === undefined) return SAME_LICENSE[word] ?? word;
    const family = word.slice(0, word.indexOf('-'));
    return `${family}-${gnu[1].includes('.') ? gnu[1] : `${gnu[1]}.0`}-${gnu[2] === '+' ? 'or-later' : 'only'}`;
  });
  return spelled.join(' ');
}
