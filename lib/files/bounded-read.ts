// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import { inputError } from '../errors/errors.ts';

/**
 * The whole file, at most `maxBytes`. Throws input FILE_MISSING, FILE_UNREADABLE (permissions, a directory, a device or
 * pipe) or FILE_TOO_LARGE; `what` says in messages what the file is for. The size is enforced while reading, not only
 * by what the file system says.
 */
export async function readBounded(path: string, maxBytes: number, what: string): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw unreadable(path, what, cause);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw inputError('FILE_UNREADABLE', `${what} ${path} is not a regular file`);
    if (stat.size > maxBytes) throw tooLarge(path, what, maxBytes);
    const buffer = Buffer.allocUnsafe(Math.min(stat.size, maxBytes) + 1);
    const chunks: Buffer[] = [];
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return Buffer.concat(chunks);
      size += bytesRead;
      if (size > maxBytes) throw tooLarge(path, what, maxBytes);
      chunks.push(Buffer.from(buffer.subarray(0, bytesRead)));
    }
  } finally {
    await file.close();
  }
}

/** As `readBounded`, but undefined when there is no such file. */
export async function readBoundedIfPresent(path: string, maxBytes: number, what: string): Promise<Buffer | undefined> {
  try {
    return await readBounded(path, maxBytes, what);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'FILE_MISSING') return undefined;
    throw error;
  }
}

function unreadable(path: string, what: string, cause: unknown): Error {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  const missing = code === 'ENOENT' || code === 'ENOTDIR';
  return inputError(missing ? 'FILE_MISSING' : 'FILE_UNREADABLE', missing ? `${what} ${path} does not exist` : `${what} ${path} cannot be read (${code})`, {
    cause,
  });
}

function tooLarge(path: string, what: string, maxBytes: number): Error {
  return inputError('FILE_TOO_LARGE', `${what} ${path} is larger than ${maxBytes} bytes`);
}
