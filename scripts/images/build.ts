// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import type { Base } from '../../images/builder/base.ts';
import { buildImages } from '../../images/builder/build-images.ts';
import { type BuiltImage, manifestOf } from '../../images/builder/built-image.ts';
import { digestsJson } from '../../images/builder/layout-folder.ts';
import { pushImages } from '../../images/builder/push-images.ts';
import { registryBase } from '../../images/builder/registry-base.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createLogger } from '../../lib/log/log.ts';
import { createRegistry, type Registry } from '../../lib/registry/client.ts';
import { dockerCredentials } from '../../lib/registry/credentials.ts';
import { ensureEvaluator } from '../build/evaluator.ts';
import { makeLocalBase } from './base.ts';
import { type Delivery, deliver } from './deliver.ts';
import { mebibytes, PROJECT, sourceDateEpoch, timed } from './place.ts';

export type ImagesOptions = Delivery & {
  /** Folder with images/ and what the Dockerfiles copy. */
  context: string;
  only?: readonly string[] | undefined;
  base?: string | undefined;
  push?: string | undefined;
  insecureRegistries: readonly string[];
  digests: string;
  revision?: string | undefined;
  lock?: string | undefined;
  version: string;
};

/** `npm run images`: evaluators, base, images, layout and digests; then engine, archive and registry as asked for. */
export async function makeImages(options: ImagesOptions): Promise<void> {
  await withRegistry(options.insecureRegistries, async (registry) => {
    // In another folder they must stand already, like all else that is copied.
    if (options.context === PROJECT)
      for (const architecture of options.architectures) await ensureEvaluator({ os: 'linux', architecture }, { log: console.log });
    const base = await baseOf(options, registry);
    const images = await timed('images', () =>
      buildImages({
        project: options.context,
        names: options.only,
        base,
        architectures: options.architectures,
        version: options.version,
        epoch: sourceDateEpoch(process.env),
        revision: options.revision,
      }),
    );
    for (const image of images) console.log(`  ${image.name.padEnd(16)}${mebibytes(ownBytes(image, base)).padStart(10)}  ${image.layout.root.digest}`);
    await deliver(images, options);
    await writeAtomic(options.digests, digestsJson(images), { mode: 0o644 });
    const { push } = options;
    if (push === undefined) return;
    const pushed = await timed(`pushed to ${push}`, () => pushImages(registry, images, push));
    for (const reference of pushed) console.log(`  ${reference}`);
  });
}

function baseOf({ base, lock, architectures }: ImagesOptions, registry: Registry): Promise<Base> {
  return base === undefined ? makeLocalBase(lock, architectures) : timed(`base ${base}`, () => registryBase(registry, base, architectures));
}

async function withRegistry(insecureRegistries: readonly string[], use: (registry: Registry) => Promise<void>): Promise<void> {
  const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
  const http = createHttp({ log });
  try {
    await use(createRegistry({ http, credentials: await dockerCredentials({ env: process.env }), insecureRegistries, log }));
  } finally {
    http.close();
  }
}

/** Compressed size of the layers that the image adds to its base. */
function ownBytes(image: BuiltImage, base: Base): number {
  const [first] = base.images;
  if (first === undefined) return 0;
  const [architecture, { layers }] = first;
  const own = manifestOf(image, architecture)?.manifest.layers.slice(layers.length) ?? [];
  return own.reduce((sum, { size }) => sum + size, 0);
}
