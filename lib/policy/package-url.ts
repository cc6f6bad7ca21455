// SPDX-License-Identifier: Apache-2.0

/** What rules compare of a package URL: type, and namespace with name and version decoded; qualifiers and subpath are left out. */
export type PackageUrl = { type: string; name: string; version?: string | undefined };

const PURL = /^pkg:\/{0,2}([A-Za-z][A-Za-z0-9.+-]{0,63})\/([^@?#]+)(?:@([^?#]*))?(?:\?[^#]*)?(?:#.*)?$/;

/** Reads a package URL (ECMA-427); undefined for a text that is none. */
export function parsePurl(text: string): PackageUrl | undefined {
  const [, type = '', path = '', version] = (text.length <= 2000 && PURL.exec(text)) || [];
  try {
    const name = decodeURIComponent(trimSlashes(path.replace(/^\/+/, '')));
    if (name === '') return undefined;
    return { type: type.toLowerCase(), name, version: version ? decodeURIComponent(version) : undefined };
  } catch {
    return undefined;
  }
}

/** Without slashes at its end. A loop, because an expression takes the square of the length of a long run within the text. */
export function trimSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end--;
  return text.slice(0, end);
}
