// SPDX-License-Identifier: Apache-2.0
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { TarFile } from '../../lib/artifact/write-tar.ts';
import { inputError } from '../../lib/errors/errors.ts';
import type { Copy } from './dockerfile.ts';

/**
 * What a COPY puts into its layer (Dockerfile reference, "COPY"): a file to the target, or into it when that ends with "/"; of a folder its
 * content. Sorted by path, with all parent folders; files are 0644, or 0755 when their owner may execute them, folders 0755, whatever the umask was.
 * Throws input COPY_SOURCE_MISSING, and COPY_UNSUPPORTED for links and special files.
 */
export async function filesOfCopy(root: string, { from, to, place }: Copy): Promise<TarFile[]> {
  const source = posix.normalize(from).replace(/\/$/, '');
  const found = await lstat(join(root, source)).catch((cause: unknown) => {
    throw inputError('COPY_SOURCE_MISSING', `${place.file}:${place.line}: COPY: ${source} is not there`, { hint: 'run "npm run build" first', cause });
  });
  const target = posix.normalize(to).replace(/^\//, '').replace(/\/$/, '');
  const isFolder = found.isDirectory();
  const path = isFolder || !to.endsWith('/') ? target : posix.join(target, posix.basename(source));
  const files = isFolder ? await filesBelow(root, source, path) : [await readSource(root, source, path)];
  if (isFolder) files.push({ path, type: 'directory' });
  return withParents(files);
}

async function filesBelow(root: string, source: string, target: string): Promise<TarFile[]> {
  const entries = await readdir(join(root, source), { withFileTypes: true });
  const nested = entries.map(async (entry): Promise<TarFile[]> => {
    const [from, path] = [posix.join(source, entry.name), posix.join(target, entry.name)];
    return entry.isDirectory() ? [{ path, type: 'directory' }, ...(await filesBelow(root, from, path))] : [await readSource(root, from, path)];
  });
  return (await Promise.all(nested)).flat();
}

async function readSource(root: string, source: string, path: string): Promise<TarFile> {
  const { mode, ...found } = await lstat(join(root, source)).then((stat) => ({ mode: stat.mode, isFile: stat.isFile() }));
  if (!found.isFile) throw inputError('COPY_UNSUPPORTED', `COPY: ${source} is a link or special file; only files and folders are copied`);
  return { path, content: await readFile(join(root, source)), ...((mode & 0o100) !== 0 && { mode: 0o755 }) };
}

/** The files in order, each after all the folders above it; a folder that is there already keeps its mode and owner. */
export function withParents(files: readonly TarFile[]): TarFile[] {
  const all = new Map(files.map((file) => [file.path, file]));
  for (const { path } of files) {
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) {
      if (!all.has(folder)) all.set(folder, { path: folder, type: 'directory' });
    }
  }
  // By code units of the path with its slashes as the lowest character, so that a folder comes before what is in it, and its content before its neighbours.
  const key = (path: string): string => path.replaceAll('/', '\0');
  return [...all.values()].toSorted((a, b) => (key(a.path) < key(b.path) ? -1 : 1));
}
