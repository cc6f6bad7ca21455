// SPDX-License-Identifier: Apache-2.0
import { promises } from 'node:fs';
import { inputError } from '../errors/errors.ts';
import { type FindObject, type GitObject, isOid } from './git-object.ts';
import type { GitPerson } from './repository.ts';

/** A bare repository in a folder, as a server needs it; the git program can read it as well. */
export type BareRepository = {
  /** Name of the branch that HEAD stands for. */
  defaultBranch: string;
  /** The newest commit of each branch. */
  branches(): Promise<Map<string, string>>;
  find: FindObject;
  /** Stores objects for good. */
  write(objects: Iterable<GitObject>): Promise<void>;
  /** Moves a branch from one commit to another, or makes it (`from` undefined), for good and in one step. False, and nothing is done, when it stands elsewhere, or its name is a folder of names. */
  moveBranch(branch: string, from: string | undefined, to: string): Promise<boolean>;
};

export type BareRepositoryOptions = {
  folder: string;
  /** Replaces a file so that no crash leaves a part of it, and makes missing folders. */
  writeFile: (path: string, bytes: Uint8Array | string) => Promise<void>;
};

/** What a new repository begins with: `files` by their paths. */
export type FirstCommit = { branch: string; files: ReadonlyMap<string, string>; message: string; person: GitPerson };

type Git = typeof import('isomorphic-git');
type Place = { git: Git; fs: { promises: typeof promises }; gitdir: string; cache: object };

const HEADS = 'refs/heads/';
const MAX_BRANCH = 200;
const BRANCH_PART = /^[A-Za-z0-9_+][A-Za-z0-9._+-]*$/;

/** Whether a server takes a branch of this name; narrower than "git check-ref-format". */
export function isBranchName(name: string): boolean {
  return name.length <= MAX_BRANCH && name.split('/').every((part) => BRANCH_PART.test(part) && !part.includes('..') && !/\.(lock)?$/.test(part));
}

/**
 * The repository in a folder. Where there is none yet, or one that never came to its first commit, it is made, with `files` (by their paths) in one commit on the branch.
 * Throws input GIT_FOLDER_INVALID when the folder holds something else.
 */
export async function openBareRepository(options: BareRepositoryOptions, first: FirstCommit): Promise<BareRepository> {
  const place = await placeOf(options);
  if (await isUnborn(options.folder)) await create(place, options, first);
  const head = await headOf(place);
  if (!head?.startsWith(HEADS)) throw noRepository(options.folder);
  return repositoryAt(place, head.slice(HEADS.length));
}

async function isUnborn(folder: string): Promise<boolean> {
  const namesIn = (path: string): Promise<string[]> =>
    promises.readdir(path).catch((cause: unknown) => {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
      throw noRepository(folder, cause);
    });
  const [names = [], branches = []] = await Promise.all([folder, `${folder}/${HEADS}`].map(namesIn));
  return names.every((name) => ['HEAD', 'config', 'objects', 'refs'].includes(name)) && branches.length === 0;
}

function noRepository(folder: string, cause?: unknown): Error {
  return inputError('GIT_FOLDER_INVALID', `${folder} is no bare Git repository with a branch`, {
    cause,
    hint: 'move it away, or delete it: a new one is made when there is none',
  });
}

/** The branch is written last: without it nothing has been made yet. */
async function create(place: Place, options: BareRepositoryOptions, first: FirstCommit): Promise<void> {
  const { git, fs, gitdir } = place;
  await promises.mkdir(`${gitdir}/${HEADS}`, { recursive: true });
  await options.writeFile(`${gitdir}/config`, '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n');
  await options.writeFile(`${gitdir}/HEAD`, `ref: ${HEADS}${first.branch}\n`);
  const tree = await writeTree(place, first.files);
  const author = { ...first.person, timezoneOffset: 0 };
  const commit = await git.writeCommit({ fs, gitdir, commit: { tree, parent: [], author, committer: author, message: first.message } });
  await options.writeFile(`${gitdir}/${HEADS}${first.branch}`, `${commit}\n`);
}

async function placeOf({ folder, writeFile }: BareRepositoryOptions): Promise<Place> {
  const durable = async (path: unknown, bytes: unknown): Promise<void> => writeFile(String(path), bytes as Uint8Array | string);
  const fs = { promises: { ...promises, writeFile: durable as typeof promises.writeFile } };
  return { git: await import('isomorphic-git'), fs, gitdir: folder, cache: {} };
}

async function headOf({ git, fs, gitdir }: Place): Promise<string | undefined> {
  const head = await git.resolveRef({ fs, gitdir, ref: 'HEAD', depth: 2 }).catch(noneIfMissing);
  return head !== undefined && (await git.resolveRef({ fs, gitdir, ref: 'HEAD' }).catch(noneIfMissing)) !== undefined ? head : undefined;
}

function repositoryAt(place: Place, defaultBranch: string): BareRepository {
  const { git, fs, gitdir, cache } = place;
  const commitOf = (branch: string): Promise<string | undefined> => git.resolveRef({ fs, gitdir, ref: `${HEADS}${branch}` }).catch(noneIfMissing);
  let last: Promise<unknown> = Promise.resolve();
  const branches = async (): Promise<Map<string, string>> => {
    const found = new Map<string, string>();
    for (const name of (await git.listBranches({ fs, gitdir })).filter(isBranchName)) {
      const oid = await commitOf(name);
      if (oid !== undefined && isOid(oid)) found.set(name, oid);
    }
    return found;
  };
  return {
    defaultBranch,
    branches,
    async find(oid) {
      if (!isOid(oid)) return undefined;
      const found = await git.readObject({ fs, gitdir, cache, oid, format: 'content' }).catch(noneIfMissing);
      return found && ({ type: found.type, content: Buffer.from(found.object as Uint8Array) } as GitObject);
    },
    async write(objects) {
      for (const { type, content } of objects) await git.writeObject({ fs, gitdir, type, object: content, format: 'content' });
    },
    moveBranch(branch, from, to) {
      const turn = last.then(async () => {
        const there = await branches();
        const blocked = [...there.keys()].some((name) => name.startsWith(`${branch}/`) || branch.startsWith(`${name}/`));
        if (blocked || there.get(branch) !== from) return false;
        await git.writeRef({ fs, gitdir, ref: `${HEADS}${branch}`, value: to, force: true });
        return true;
      });
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}

async function writeTree(place: Place, files: ReadonlyMap<string, string>): Promise<string> {
  const { git, fs, gitdir } = place;
  const folders = new Map<string, Map<string, string>>();
  const tree: { mode: string; path: string; oid: string; type: 'blob' | 'tree' }[] = [];
  for (const [path, text] of files) {
    const [name = '', ...below] = path.split('/');
    if (below.length > 0) folders.set(name, (folders.get(name) ?? new Map()).set(below.join('/'), text));
    else tree.push({ mode: '100644', path: name, type: 'blob', oid: await git.writeBlob({ fs, gitdir, blob: Buffer.from(text) }) });
  }
  for (const [name, inside] of folders) tree.push({ mode: '040000', path: name, type: 'tree', oid: await writeTree(place, inside) });
  return git.writeTree({ fs, gitdir, tree });
}

function noneIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && (error.code === 'NotFoundError' || error.code === 'ENOENT')) return undefined;
  throw error;
}
