// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import { type CommitLinks, commitLinks, type FindObject, treeLinks } from './git-object.ts';

/** More commits, folders and files than this are not walked through. */
const MAX_OBJECTS = 200_000;

/** The commits from `starts` back, `starts` included. Those in `ends` are the last ones of their line. Throws refused GIT_OBJECT_MISSING, GIT_OBJECT_INVALID or REPOSITORY_TOO_LARGE. */
export async function ancestors(find: FindObject, starts: Iterable<string>, ends: ReadonlySet<string> = new Set()): Promise<Set<string>> {
  const seen = new Set(starts);
  for (const oid of seen) {
    if (ends.has(oid)) continue;
    for (const parent of (await readCommit(find, oid)).parents) seen.add(parent);
    checkCount(seen.size);
  }
  return seen;
}

/** The commits that are less than `depth` steps away from `starts`, and those of them whose parents are further away. Throws what `ancestors` throws. */
export async function recentCommits(find: FindObject, starts: Iterable<string>, depth: number): Promise<{ commits: Set<string>; cut: Set<string> }> {
  const commits = new Set(starts);
  const cut = new Set<string>();
  let generation = [...commits];
  for (let step = 1; generation.length > 0; step += 1) {
    const next = new Set<string>();
    for (const oid of generation) {
      const { parents } = await readCommit(find, oid);
      if (step < depth) for (const parent of parents) next.add(parent);
      else if (parents.length > 0) cut.add(oid);
    }
    generation = [...next].filter((oid) => !commits.has(oid));
    for (const oid of generation) commits.add(oid);
    checkCount(commits.size);
  }
  return { commits, cut };
}

/** Folders and files of the commits' trees that are not in `known`, to which they are added; each is read, so that none is missing. Throws what `ancestors` throws. */
export async function addContents(find: FindObject, commits: Iterable<string>, known: Set<string>): Promise<string[]> {
  const added: string[] = [];
  const add = (oid: string): boolean => {
    if (known.has(oid)) return false;
    known.add(oid);
    added.push(oid);
    checkCount(added.length);
    return true;
  };
  for (const commit of commits) {
    const { tree } = await readCommit(find, commit);
    const folders = add(tree) ? [tree] : [];
    for (const folder of folders) {
      for (const { type, oid } of await readTree(find, folder)) {
        if (type === 'submodule' || !add(oid)) continue;
        if (type === 'tree') folders.push(oid);
        else await readBlob(find, oid);
      }
    }
  }
  return added;
}

async function readCommit(find: FindObject, oid: string): Promise<CommitLinks> {
  const object = (await find(oid)) ?? missing(oid);
  return (object.type === 'commit' && commitLinks(object.content)) || invalid(oid, 'commit');
}

async function readTree(find: FindObject, oid: string): Promise<NonNullable<ReturnType<typeof treeLinks>>> {
  const object = (await find(oid)) ?? missing(oid);
  return (object.type === 'tree' && treeLinks(object.content)) || invalid(oid, 'tree');
}

async function readBlob(find: FindObject, oid: string): Promise<void> {
  const object = (await find(oid)) ?? missing(oid);
  if (object.type !== 'blob') invalid(oid, 'blob');
}

function missing(oid: string): never {
  throw refusedError('GIT_OBJECT_MISSING', `the object ${oid} is missing`);
}

function invalid(oid: string, type: string): never {
  throw refusedError('GIT_OBJECT_INVALID', `the object ${oid} is no valid ${type}`);
}

function checkCount(count: number): void {
  if (count > MAX_OBJECTS) throw refusedError('REPOSITORY_TOO_LARGE', `the repository has more than ${MAX_OBJECTS} objects to look at`);
}
