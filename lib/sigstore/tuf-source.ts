// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inputError } from '../errors/errors.ts';
import { readBounded } from '../files/bounded-read.ts';
import { realInside } from '../files/inside.ts';
import type { Http } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { redactUrl } from '../log/redact.ts';

/** Where the files of a TUF repository come from: metadata at the top, targets below `targets/`. */
export type TufSource = {
  /** For messages: the URL or the folder. */
  name: string;
  /** The file of at most `maxBytes`, undefined when it is not there. Throws what the client or the file system say. */
  read(path: string, maxBytes: number): Promise<Buffer | undefined>;
};

/**
 * The mirror at an http:// or https:// URL, or in a folder (a path or file:// URL) that is a copy of one.
 * Throws input TUF_MIRROR_INVALID for another kind of URL and for a folder that is not there.
 */
export async function openMirror(mirror: string, http: Http): Promise<TufSource> {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(mirror)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') return httpSource(mirror, http);
  if (scheme !== undefined && scheme !== 'file') {
    throw inputError('TUF_MIRROR_INVALID', `the TUF mirror has the scheme ${scheme.slice(0, 50)}`, { hint: 'give an http:// or https:// URL, or a folder' });
  }
  const folder = resolve(scheme === 'file' ? fileURLToPath(mirror) : mirror);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw inputError('TUF_MIRROR_INVALID', `the TUF mirror ${folder} is not a folder`, { hint: 'copy the mirror there, or give its URL' });
  return folderSource(folder);
}

function httpSource(url: string, http: Http): TufSource {
  const base = url.replace(/\/+$/, '');
  if (/[?#]/.test(base)) throw inputError('TUF_MIRROR_INVALID', 'the URL of the TUF mirror has a query or fragment; file names are added to its end');
  const name = redactUrl(base);
  return {
    name,
    async read(path, maxBytes) {
      const what = `read ${path} of the TUF mirror ${name}`;
      const response = await http({ what, url: `${base}/${path}`, maxBytes });
      if (response.status === 200) return response.body();
      // Object stores say 403 for what is not there to those who may not list.
      if (response.status === 404 || response.status === 403) return undefined;
      throw await refusal(response, what);
    },
  };
}

/** The repository in a folder, links followed and never outside of it. */
export function folderSource(folder: string): TufSource {
  return {
    name: folder,
    async read(path, maxBytes) {
      try {
        return await readBounded(await realInside(folder, path), maxBytes, 'TUF file');
      } catch (error) {
        // ENOENT: a cache that nothing was put into yet.
        if (error instanceof Error && 'code' in error && (error.code === 'FILE_MISSING' || error.code === 'ENOENT')) return undefined;
        throw error;
      }
    },
  };
}
