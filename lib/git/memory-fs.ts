// SPDX-License-Identifier: Apache-2.0
import { posix } from 'node:path';
import { refusedError } from '../errors/errors.ts';

/** What isomorphic-git asks of a file system (its docs, "fs"): promises with Node's error codes. Symbolic links are not needed for a repository without work tree. */
export type MemoryFs = {
  promises: {
    readFile(path: string, options?: unknown): Promise<Buffer | string>;
    writeFile(path: string, data: Uint8Array | string): Promise<void>;
    unlink(path: string): Promise<void>;
    readdir(path: string): Promise<string[]>;
    mkdir(path: string): Promise<void>;
    rmdir(path: string): Promise<void>;
    stat(path: string): Promise<MemoryStat>;
    lstat(path: string): Promise<MemoryStat>;
    readlink(path: string): Promise<string>;
    symlink(target: string, path: string): Promise<void>;
  };
};

export type MemoryStat = {
  type: 'file' | 'dir';
  size: number;
  mode: number;
  mtimeMs: number;
  ctimeMs: number;
  ino: number;
  dev: number;
  uid: number;
  gid: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
};

/** Files in memory, for a step whose root is read-only and that may have no /tmp. Throws refused REPOSITORY_TOO_LARGE when they come to more than `maxBytes`. */
export function createMemoryFs(maxBytes: number): MemoryFs {
  const files = new Map<string, Buffer>();
  const folders = new Set<string>(['/']);
  let used = 0;
  const put = (path: string, data: Buffer | undefined): void => {
    used += (data?.length ?? 0) - (files.get(path)?.length ?? 0);
    if (used > maxBytes) throw refusedError('REPOSITORY_TOO_LARGE', `the repository needs more than ${Math.floor(maxBytes / 1024 / 1024)} MiB of memory`);
    if (data === undefined) files.delete(path);
    else files.set(path, data);
  };
  const namesIn = (folder: string): string[] =>
    [...files.keys(), ...folders].filter((path) => path !== '/' && posix.dirname(path) === folder).map((path) => posix.basename(path));
  const stat = async (given: string): Promise<MemoryStat> => {
    const path = posix.resolve('/', given);
    const file = files.get(path);
    if (file === undefined && !folders.has(path)) throw fsError('ENOENT', path);
    return statOf(file);
  };
  return {
    promises: {
      async readFile(given, options) {
        const path = posix.resolve('/', given);
        if (folders.has(path)) throw fsError('EISDIR', path);
        const file = files.get(path);
        if (file === undefined) throw fsError('ENOENT', path);
        return encodingOf(options) === undefined ? file : file.toString('utf8');
      },
      async writeFile(given, data) {
        const path = posix.resolve('/', given);
        if (folders.has(path)) throw fsError('EISDIR', path);
        if (!folders.has(posix.dirname(path))) throw fsError('ENOENT', path);
        put(path, typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength));
      },
      async unlink(given) {
        const path = posix.resolve('/', given);
        if (!files.has(path)) throw fsError('ENOENT', path);
        put(path, undefined);
      },
      async readdir(given) {
        const path = posix.resolve('/', given);
        if (files.has(path)) throw fsError('ENOTDIR', path);
        if (!folders.has(path)) throw fsError('ENOENT', path);
        return namesIn(path);
      },
      async mkdir(given) {
        const path = posix.resolve('/', given);
        if (files.has(path) || folders.has(path)) throw fsError('EEXIST', path);
        if (!folders.has(posix.dirname(path))) throw fsError('ENOENT', path);
        folders.add(path);
      },
      async rmdir(given) {
        const path = posix.resolve('/', given);
        if (!folders.has(path)) throw fsError('ENOENT', path);
        if (namesIn(path).length > 0) throw fsError('ENOTEMPTY', path);
        folders.delete(path);
      },
      stat,
      lstat: stat,
      async readlink(path) {
        throw fsError('EINVAL', path);
      },
      async symlink(_target, path) {
        throw fsError('ENOTSUP', path);
      },
    },
  };
}

function encodingOf(options: unknown): string | undefined {
  if (typeof options === 'string') return options;
  const encoding = typeof options === 'object' && options !== null && 'encoding' in options ? options.encoding : undefined;
  return typeof encoding === 'string' ? encoding : undefined;
}

function statOf(file: Buffer | undefined): MemoryStat {
  return {
    type: file === undefined ? 'dir' : 'file',
    size: file?.length ?? 0,
    mode: file === undefined ? 0o40_755 : 0o100_644,
    mtimeMs: 0,
    ctimeMs: 0,
    ino: 0,
    dev: 0,
    uid: 0,
    gid: 0,
    isFile: () => file !== undefined,
    isDirectory: () => file === undefined,
    isSymbolicLink: () => false,
  };
}

function fsError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
