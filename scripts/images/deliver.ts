// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import type { Architecture } from '../../images/builder/base.ts';
import type { BuiltImage } from '../../images/builder/built-image.ts';
import { engineArchitecture, engineSocket, loadArchive } from '../../images/builder/engine.ts';
import { engineArchive } from '../../images/builder/engine-archive.ts';
import { writeLayoutFolder } from '../../images/builder/layout-folder.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { timed } from './place.ts';

/** Where the images go: the layout always, engine and archive when asked for. */
export type Delivery = { output: string; load?: string | undefined; archive?: string | undefined; repository: string; architectures: readonly Architecture[] };

/** Writes the images to the layout, and to engine and archive; an archive holds the first of the architectures, an engine gets its own. */
export async function deliver(images: readonly BuiltImage[], { output, load, archive, repository, architectures }: Delivery): Promise<void> {
  await timed(`written to ${output}`, () => writeLayoutFolder(output, images));
  if (archive !== undefined) await writeAtomic(archive, engineArchive(images, { architecture: architectures[0] ?? 'amd64', repository }));
  if (load === undefined) return;
  const socket = engineSocket(load, process.env);
  const architecture = await engineArchitecture(socket);
  const loaded = await timed(`loaded into ${socket}`, () => loadArchive(socket, engineArchive(images, { architecture, repository })));
  for (const line of loaded) console.log(`  ${line}`);
}
