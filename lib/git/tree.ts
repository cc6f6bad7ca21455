// SPDX-License-Identifier: Apache-2.0
import * as git from 'isomorphic-git';
import { bugError, refusedError } from '../errors/errors.ts';
import type { MemoryFs } from './memory-fs.ts';

type Place = { fs: MemoryFs; gitdir: string };

const MAX_FILE = 8 * 1024 * 1024;
const KIND: Record<string, string> = { '040000': 'a folder', '120000': 'a symbolic link', '160000': 'a submodule' };

/** Content of a file in the tree of a commit, undefined where the path leads nowhere. Throws refused GIT_NOT_A_FILE or REPOSITORY_TOO_LARGE. */
export async function treeFile(place: Place, commit: string, path: string): Promise<Buffer | undefined> {
  let oid = commit;
  const parts = path.split('/');
  for (const [depth, part] of parts.entries()) {
    const { tree } = await git.readTree({ ...place, oid });
    const entry = tree.find(({ path: name }) => name === part);
    if (entry === undefined) return undefined;
    const last = depth === parts.length - 1;
    if (last ? entry.type !== 'blob' || entry.mode === '120000' : entry.type !== 'tree') {
      const kind = KIND[entry.mode] ?? 'a file';
      throw refusedError('GIT_NOT_A_FILE', `${parts.slice(0, depth + 1).join('/')} is ${kind} at commit ${commit.slice(0, 12)}`, {
        hint: last ? 'name the file itself' : 'name a path whose folders are folders of this repository',
      });
    }
    oid = entry.oid;
  }
  const { blob } = await git.readBlob({ ...place, oid });
  if (blob.length > MAX_FILE) throw refusedError('REPOSITORY_TOO_LARGE', `${path} has ${blob.length} bytes, more than ${MAX_FILE}`);
  return Buffer.from(blob);
}

/** The tree of `commit` with the content of some of its files replaced; gives its id. The files must exist. */
export async function replaceFiles(place: Place, commit: string, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const { commit: facts } = await git.readCommit({ ...place, oid: commit });
  let root = facts.tree;
  for (const [path, content] of files) {
    const blob = await git.writeBlob({ ...place, blob: content });
    root = await replaceEntry(place, root, path.split('/'), blob);
  }
  return root;
}

async function replaceEntry(place: Place, treeOid: string, [name = '', ...below]: string[], blob: string): Promise<string> {
  const { tree } = await git.readTree({ ...place, oid: treeOid });
  const entry = tree.find(({ path }) => path === name);
  if (entry === undefined) throw bugError('TREE_ENTRY_MISSING', `there is no ${name} in tree ${treeOid}`);
  const oid = below.length === 0 ? blob : await replaceEntry(place, entry.oid, below, blob);
  return git.writeTree({ ...place, tree: tree.map((other) => (other === entry ? { ...entry, oid } : other)) });
}
