// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { inputError } from '../errors/errors.ts';

/**
 * Writes the file so that a reader, and a crash at any point, sees the old content or the new one, never a part: a
 * temporary file beside it, flushed, then renamed. Missing folders are made. `mode` defaults to 0644.
 * Throws input FILE_UNWRITABLE for a place that cannot be written to, and whatever else the file system says.
 */
export async function writeAtomic(path: string, bytes: Uint8Array | string, options: { mode?: number } = {}): Promise<void> {
  try {
    await write(path, bytes, options.mode ?? 0o644);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (!UNWRITABLE.has(code)) throw cause;
    throw inputError('FILE_UNWRITABLE', `${path} cannot be written (${code})`, {
      cause,
      hint: 'let the folder be writable by the user of this process, in a Pod for example with fsGroup, and have room',
    });
  }
}

const UNWRITABLE = new Set(['EACCES', 'EEXIST', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR', 'ENOSPC', 'EDQUOT']);

async function write(path: string, bytes: Uint8Array | string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
