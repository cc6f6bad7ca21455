// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../errors/errors.ts';
import type { ContentSource } from '../registry/content.ts';
import { layoutSource } from './layout-source.ts';

/** The artifact in an OCI image layout folder; see `layoutSource` for `digest` and errors. */
export function openLayout(dir: string, options: { digest?: string | undefined } = {}): Promise<ContentSource> {
  const name = `OCI layout ${dir}`;
  return layoutSource({ name, find: (path) => findInFolder(dir, path, name) }, options.digest);
}

async function findInFolder(dir: string, path: string, name: string): Promise<{ size: number; stream(): AsyncIterable<Buffer> } | undefined> {
  const file = join(dir, path);
  try {
    const { size } = await stat(file);
    return { size, stream: () => createReadStream(file, { highWaterMark: 256 * 1024 }) };
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw inputError('INPUT_UNREADABLE', `${path} of ${name} cannot be read (${String(code)})`, { cause });
  }
}
