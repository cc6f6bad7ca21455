// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { TarFile } from '../../lib/artifact/write-tar.ts';
import { inputError } from '../../lib/errors/errors.ts';

/**
 * Files, folders and links of a tar whose content was checked by its hash before; paths without leading "./" and trailing "/", modes as they are.
 * `keep` decides by path what is read into memory. Throws input TAR_UNREADABLE, also for devices, hard links and paths that climb.
 */
export async function readTar(tar: Readable | Buffer, what: string, keep: (path: string) => boolean): Promise<TarFile[]> {
  const files: TarFile[] = [];
  const entries = extract();
  const source = Buffer.isBuffer(tar) ? Readable.from([tar]) : tar;
  source.on('error', (error) => entries.destroy(error));
  source.pipe(entries);
  try {
    for await (const entry of entries) {
      const { header } = entry;
      const path = header.name.replace(/^\.?\/+/, '').replace(/\/$/, '');
      if (path.split('/').includes('..')) throw new Error(`the path ${header.name} climbs`);
      if (path === '' || path === '.' || !keep(path)) entry.resume();
      else files.push(await toFile(path, header, entry));
    }
  } catch (cause) {
    throw inputError('TAR_UNREADABLE', `${what} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return files;
}

type Header = { type?: string | null; mode?: number; linkname?: string | null; name: string };

async function toFile(path: string, { type, mode = 0o644, linkname }: Header, content: AsyncIterable<unknown> & { resume(): unknown }): Promise<TarFile> {
  if (type === 'file' || type === 'contiguous-file') {
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk as Buffer);
    return { path, content: Buffer.concat(chunks), mode };
  }
  content.resume();
  if (type === 'directory') return { path, type: 'directory', mode };
  if (type === 'symlink') return { path, type: 'symlink', target: linkname ?? '' };
  throw new Error(`${path} is of the type ${type}, which is not expected here`);
}
