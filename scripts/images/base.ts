// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { newestDebianLock } from '../../images/base/debian-files.ts';
import { formatDebianLock } from '../../images/base/debian-lock.ts';
import { baseAsImage, DEBIAN_LOCK_FILE, localBase, readDebianLock } from '../../images/base/local-base.ts';
import { runProgram } from '../../images/base/run-program.ts';
import type { Architecture, Base } from '../../images/builder/base.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { type Delivery, deliver } from './deliver.ts';
import { cacheFolder, mebibytes, PROJECT, sourceDateEpoch, timed } from './place.ts';

/** Name of the local base as an image of its own. */
export const BASE_NAME = 'local-base';

export type BaseOptions = Delivery & { refresh: boolean; lock?: string | undefined; architectures: readonly Architecture[]; version: string };

/** `npm run images -- base`: makes the local base and delivers it as an image; with `refresh` the lock file is written anew before. */
export async function makeBase(options: BaseOptions): Promise<void> {
  if (options.refresh) {
    const lock = await newestDebianLock({ cache: await cacheFolder(process.env), run: runProgram, log: console.log });
    const file = options.lock ?? DEBIAN_LOCK_FILE;
    await writeAtomic(file, formatDebianLock(lock), { mode: 0o644 });
    for (const { name, version } of lock.amd64) console.log(`${name} ${version}`);
    console.log(`written to ${file}`);
  }
  const base = await makeLocalBase(options.lock, options.architectures);
  await deliver([baseAsImage(base, BASE_NAME, options.version)], options);
}

export async function makeLocalBase(lockFile: string | undefined, architectures: readonly Architecture[]): Promise<Base> {
  const cache = await cacheFolder(process.env);
  const base = await timed('local base', async () =>
    localBase({
      project: PROJECT,
      cache,
      run: runProgram,
      log: console.log,
      epoch: sourceDateEpoch(process.env),
      lock: await readDebianLock(lockFile),
      architectures,
    }),
  );
  for (const [architecture, { layers, digest }] of base.images)
    console.log(`  linux/${architecture}  ${layers.map(({ bytes }) => mebibytes(bytes.length)).join(' + ')}  ${digest}`);
  return base;
}
