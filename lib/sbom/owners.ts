// SPDX-License-Identifier: Apache-2.0
import { apkFiles } from './cataloguers/apk.ts';

/** A list of files that OS packages own: dpkg's `.list` and `.md5sums` of one package, or apk's database of all. */
export type FileList = { kind: 'dpkg'; owner: string; bytes: Buffer } | { kind: 'apk'; bytes: Buffer };

/**
 * Which of the candidate paths an OS package owns, by package name. Lists are read line by line against the candidates, so that memory stays at
 * their number, whatever an image holds. `/bin`, `/sbin` and `/lib*` are the same as below `/usr`, as in every merged-/usr system.
 */
export function findOwners(candidates: Iterable<string>, lists: Iterable<FileList>): Map<string, string> {
  const wanted = new Map<string, string[]>();
  for (const path of candidates) {
    const key = withoutUsr(path);
    wanted.set(key, [...(wanted.get(key) ?? []), path]);
  }
  const owners = new Map<string, string>();
  const claim = (path: string, owner: string): void => {
    for (const candidate of wanted.get(withoutUsr(path)) ?? []) if (!owners.has(candidate)) owners.set(candidate, owner);
  };
  for (const list of lists) {
    const text = list.bytes.toString('utf8');
    if (list.kind === 'apk') for (const { path, owner } of apkFiles(text)) claim(path, owner);
    else for (const line of text.split('\n')) claim(listedPath(line), list.owner);
  }
  return owners;
}

/** `usr/bin/x` of a `.list` line `/usr/bin/x` or an `.md5sums` line `<32 hex>  usr/bin/x`. */
function listedPath(line: string): string {
  return line.replace(/^[0-9a-f]{32}\s+/, '').replace(/^(?:\.?\/)+/, '');
}

function withoutUsr(path: string): string {
  return /^usr\/(?:bin|sbin|lib(?:x?32|64|o32)?)\//.test(path) ? path.slice('usr/'.length) : path;
}
