// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { imageSource } from '../../../images/builder/built-image.ts';
import { composeLayout } from '../../../lib/artifact/write-layout.ts';
import type { TarFile } from '../../../lib/artifact/write-tar.ts';
import { asStepError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { createHttp } from '../../../lib/http/http.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { formatReference, type ImageReference } from '../../../lib/reference/reference.ts';
import { createRegistry, type Registry } from '../../../lib/registry/client.ts';
import { copyArtifact } from '../../../lib/registry/copy.ts';
import { anonymousCredentials } from '../../../lib/registry/credentials.ts';
import type { PeerImage } from './component.ts';

const NON_ROOT = '65532';

/** `memo` is a folder that remembers digests, so that an image whose files are as they were is neither read nor pushed again. */
export type ImagePlace = { memo: string; registry: string };

/**
 * Composes an image of one layer from files of this machine and pushes it to `REGISTRY/peers/NAME`; gives the reference by digest.
 * The layer is not compressed: it travels over loopback alone. Throws what the registry client throws.
 */
export async function pushPeerImage(place: ImagePlace, image: PeerImage): Promise<string> {
  const target: ImageReference = { registry: place.registry, repository: `peers/${image.name}` };
  const memoFile = join(place.memo, await keyOf(image));
  const http = createHttp({ log: silentLogger });
  try {
    const registry = createRegistry({ http, credentials: anonymousCredentials, insecureRegistries: [place.registry], log: silentLogger });
    const known = await readFile(memoFile, 'utf8').catch(() => undefined);
    if (known !== undefined && (await isThere(registry, { ...target, digest: known }))) return formatReference({ ...target, digest: known });
    const layout = await compose(image);
    const { digest } = await copyArtifact(await imageSource({ name: image.name, version: 'bed', layout }), registry, target);
    await mkdir(place.memo, { recursive: true });
    await writeAtomic(memoFile, digest);
    return formatReference({ ...target, digest });
  } finally {
    http.close();
  }
}

async function isThere(registry: Registry, reference: ImageReference): Promise<boolean> {
  try {
    await registry.resolve(reference);
    return true;
  } catch (error) {
    if (asStepError(error).code === 'MANIFEST_UNKNOWN') return false;
    throw error;
  }
}

/** Peers stand in folders named after their content, so path, size and time tell files apart. */
async function keyOf({ name, files, entrypoint, user, env }: PeerImage): Promise<string> {
  const stats = await Promise.all(
    Object.entries(files).map(async ([path, file]) => {
      const { size, mtimeMs } = await stat(file);
      return [path, await realpath(file), size, mtimeMs];
    }),
  );
  return createHash('sha256')
    .update(JSON.stringify([name, stats, entrypoint, user ?? NON_ROOT, env ?? {}]))
    .digest('hex');
}

async function compose({ files, entrypoint, user = NON_ROOT, env = {} }: PeerImage): Promise<ReturnType<typeof composeLayout>> {
  const sorted = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  const layer: TarFile[] = await Promise.all(
    sorted.map(async ([path, file]) => {
      const isProgram = ((await stat(file)).mode & 0o111) !== 0;
      return { path: path.replace(/^\/+/, ''), content: await readFile(file), mode: isProgram ? 0o755 : 0o644 };
    }),
  );
  const tmp: TarFile = { path: 'tmp', type: 'directory', mode: 0o1777 };
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const config = { User: user, Entrypoint: entrypoint, Env: ['PATH=/usr/local/bin:/usr/bin:/bin', ...variables] };
  return composeLayout([{ platform, layers: [{ files: [tmp, ...layer], compression: 'none' }], config }]);
}
