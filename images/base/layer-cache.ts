// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { ReadyLayer } from '../../lib/artifact/write-layout.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { isDigest, sha256Digest } from '../../lib/reference/digest.ts';

const MAX_LAYER_BYTES = 512 * 1024 * 1024;
const Entry = z.object({ mediaType: z.string(), digest: z.string().refine(isDigest), diffId: z.string().refine(isDigest) });

/**
 * The layer made from `inputs`, from the cache when it was made before. `inputs` must hold all that the bytes depend on. What the cache gives is checked
 * against its digest; a damaged entry is made anew.
 */
export async function cachedLayer(cache: string, inputs: unknown, make: () => Promise<ReadyLayer>): Promise<ReadyLayer> {
  const folder = join(cache, 'layers');
  await mkdir(folder, { recursive: true });
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
  const [entryFile, blobFile] = [join(folder, `${key}.json`), join(folder, `${key}.blob`)];
  const entry = Entry.safeParse(parseJson(await readBoundedIfPresent(entryFile, 4096, 'cache entry')));
  const bytes = entry.success ? await readBoundedIfPresent(blobFile, MAX_LAYER_BYTES, 'cached layer') : undefined;
  if (entry.success && bytes !== undefined && sha256Digest(bytes) === entry.data.digest) return { ...entry.data, bytes };
  const layer = await make();
  await writeAtomic(blobFile, layer.bytes);
  await writeAtomic(entryFile, JSON.stringify({ mediaType: layer.mediaType, digest: sha256Digest(layer.bytes), diffId: layer.diffId }));
  return layer;
}

function parseJson(bytes: Buffer | undefined): unknown {
  try {
    return JSON.parse(bytes?.toString('utf8') ?? 'null');
  } catch {
    return undefined;
  }
}
