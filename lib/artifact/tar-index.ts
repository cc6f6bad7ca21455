// SPDX-License-Identifier: Apache-2.0
import { normalize } from 'node:path/posix';
import { inputError, type StepError } from '../errors/errors.ts';
import { oneLine } from '../log/log.ts';
import { BLOCK_SIZE, isExtension, MAX_EXTENSION_BYTES, padding, readTarExtension, readTarHeader, type TarExtension, type TarHeader } from './tar-header.ts';

/** A forward cursor over the bytes of a tar. `read` gives fewer bytes than asked only at the end; `skip` says whether they were all there. */
export type TarCursor = {
  read(length: number): Promise<Buffer>;
  skip(length: number): Promise<boolean>;
  /** Instead of `skip` where passing over bytes means producing them: what a second look would cost another pass. */
  digest?(length: number): Promise<SeenContent | undefined>;
};
/** Digest `sha256:<hex>` and first bytes of a file's content. */
export type SeenContent = { digest: string; head: Buffer };

export type IndexedFile = { kind: 'file'; offset: number; size: number; seen?: SeenContent };
export type TarIndexEntry = IndexedFile | { kind: 'link'; target: string };
export type TarIndex = Map<string, TarIndexEntry>;

const MAX_ENTRIES = 100_000;
const MAX_PATH_LENGTH = 4096;

/**
 * Lists where each file of a tar lies, in one pass over its headers. Names are normalised (`./a//b` is `a/b`); symbolic and hard links keep their
 * target inside the archive. Throws input ARCHIVE_TRUNCATED, ARCHIVE_CORRUPT, or ARCHIVE_HOSTILE for a second entry of a name, a path that
 * leaves the archive, a sparse file and more than 100,000 entries.
 */
export async function indexTar(cursor: TarCursor, what: string): Promise<TarIndex> {
  const index: TarIndex = new Map();
  let position = 0;
  let next: TarExtension = {};
  for (;;) {
    const block = await cursor.read(BLOCK_SIZE);
    if (block.length < BLOCK_SIZE) throw truncatedArchive(what, 'it ends without the end-of-archive block');
    position += BLOCK_SIZE;
    const header = readTarHeader(block);
    if (header === 'end') return index;
    if (header === 'bad') throw inputError('ARCHIVE_CORRUPT', `${what} is damaged: there is no tar header at byte ${position - BLOCK_SIZE}`);
    const size = next.size ?? header.size;
    if (header.kind === 'sparse') throw hostile(what, 'a sparse file');
    if (isExtension(header.kind)) {
      next = { ...next, ...(await readExtension(cursor, header, what)) };
    } else {
      const added = addEntry(index, { ...header, size, name: next.path ?? header.name, linkName: next.link ?? header.linkName }, position, what);
      next = {};
      if (!(await passOver(cursor, size, added))) throw truncatedArchive(what, `entry ${oneLine(header.name)} is not all there`);
    }
    position += size + padding(size);
  }
}

async function passOver(cursor: TarCursor, size: number, file: IndexedFile | undefined): Promise<boolean> {
  if (cursor.digest === undefined || file === undefined) return cursor.skip(size + padding(size));
  const seen = await cursor.digest(size);
  if (seen === undefined) return false;
  file.seen = seen;
  return cursor.skip(padding(size));
}

async function readExtension(cursor: TarCursor, header: TarHeader, what: string): Promise<TarExtension> {
  if (header.size > MAX_EXTENSION_BYTES) throw hostile(what, `an extended header of ${header.size} bytes`);
  const padded = header.size + padding(header.size);
  const bytes = await cursor.read(padded);
  if (bytes.length < padded) throw truncatedArchive(what, 'it ends in an extended header');
  const extension = readTarExtension(header.kind, bytes.subarray(0, header.size));
  if (extension === undefined) throw inputError('ARCHIVE_CORRUPT', `${what} is damaged: a pax header cannot be read`);
  return extension;
}

/** Gives the entry when it is a file. */
function addEntry(index: TarIndex, header: TarHeader, offset: number, what: string): IndexedFile | undefined {
  if (header.kind !== 'file' && header.kind !== 'link' && header.kind !== 'symlink') return undefined;
  const name = insidePath(header.name, what);
  if (index.has(name)) throw hostile(what, `two entries of the name ${oneLine(name)}`);
  if (index.size >= MAX_ENTRIES) throw hostile(what, `more than ${MAX_ENTRIES} entries`);
  if (header.kind === 'file') {
    const file: IndexedFile = { kind: 'file', offset, size: header.size };
    index.set(name, file);
    return file;
  }
  if (header.kind === 'link') index.set(name, { kind: 'link', target: insidePath(header.linkName, what) });
  else index.set(name, { kind: 'link', target: insidePath(header.linkName.startsWith('/') ? header.linkName : `${parent(name)}${header.linkName}`, what) });
  return undefined;
}

function parent(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}

function insidePath(path: string, what: string): string {
  const clean = normalize(path).replace(/^\/+/, '');
  if (path === '' || path.length > MAX_PATH_LENGTH || path.includes('\0') || clean.split('/').includes('..')) {
    throw hostile(what, `the path ${oneLine(path.slice(0, 200))}, which leaves the archive or is too long`);
  }
  return clean;
}

/** The file that a name leads to through at most eight links, or undefined. */
export function findFile(index: TarIndex, name: string): IndexedFile | undefined {
  let entry = index.get(name);
  for (let hops = 0; entry?.kind === 'link' && hops < 8; hops++) entry = index.get(entry.target);
  return entry?.kind === 'file' ? entry : undefined;
}

export function truncatedArchive(what: string, why: string, cause?: unknown): StepError {
  return inputError('ARCHIVE_TRUNCATED', `${what} is cut off: ${why}`, { hint: 'write or copy the archive again and compare sizes', cause });
}

function hostile(what: string, found: string): StepError {
  return inputError('ARCHIVE_HOSTILE', `${what} holds ${found}`, { hint: 'make the archive with docker save, skopeo copy or an OCI image builder' });
}
