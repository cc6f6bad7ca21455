// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';
export type GitObject = { type: ObjectType; content: Buffer };
/** Reads an object by its id, undefined when there is none. */
export type FindObject = (oid: string) => Promise<GitObject | undefined>;
export type CommitLinks = { tree: string; parents: string[] };
export type TreeLink = { name: string; oid: string; type: 'tree' | 'blob' | 'submodule' };

const OID = /^[0-9a-f]{40}$/;
const MAX_NAME_BYTES = 255;
const ENTRY_TYPE: Readonly<Record<string, TreeLink['type']>> = { '40000': 'tree', '100644': 'blob', '100755': 'blob', '120000': 'blob', '160000': 'submodule' };

/** Whether a text is the id of an object (SHA-1). */
export function isOid(text: string): boolean {
  return OID.test(text);
}

/** The id of an object (Git documentation, "gitformat-loose"): SHA-1 over its header and content. */
export function objectId({ type, content }: GitObject): string {
  return createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex');
}

/** Tree and parents that a commit names; undefined when it is none that Git would write. */
export function commitLinks(content: Buffer): CommitLinks | undefined {
  const [head = ''] = content.toString('latin1').split('\n\n', 1);
  const [first = '', ...rest] = head.split('\n');
  const tree = /^tree ([0-9a-f]{40})$/.exec(first)?.[1];
  const end = rest.findIndex((line) => !line.startsWith('parent '));
  const parents = rest.slice(0, Math.max(end, 0)).map((line) => line.slice('parent '.length));
  const isWhole = tree !== undefined && parents.every(isOid) && /^author .*\d+ [+-]\d{4}$/.test(rest[end] ?? '') && /^committer /.test(rest[end + 1] ?? '');
  return isWhole ? { tree, parents } : undefined;
}

/** The entries of a tree; undefined when it is damaged, or has a name that could lead a checkout out of its folder or into `.git`. */
export function treeLinks(content: Buffer): TreeLink[] | undefined {
  const links: TreeLink[] = [];
  for (let at = 0; at < content.length; ) {
    const end = content.indexOf(0, at);
    const [, mode = '', name = ''] = /^(\d{5,6}) ([^/]+)$/s.exec(end < 0 ? '' : content.toString('latin1', at, end)) ?? [];
    const type = ENTRY_TYPE[mode];
    if (type === undefined || end + 21 > content.length || name.length > MAX_NAME_BYTES || /^(\.{1,2}|\.git)$/i.test(name)) return undefined;
    links.push({ name, type, oid: content.toString('hex', end + 1, end + 21) });
    at = end + 21;
  }
  return links;
}
