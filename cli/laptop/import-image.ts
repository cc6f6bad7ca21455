// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { composeDemoImage } from '../../images/demo/compose.ts';
import { layoutSource } from '../../lib/artifact/layout-source.ts';
import { openArtifact } from '../../lib/artifact/open-artifact.ts';
import { type Layout, layoutFiles } from '../../lib/artifact/write-layout.ts';
import { type DigestReference, parseReference } from '../../lib/reference/reference.ts';
import type { Registry } from '../../lib/registry/client.ts';
import type { ContentSource } from '../../lib/registry/content.ts';
import { copyArtifact } from '../../lib/registry/copy.ts';

/** The bundle that the demo image is made of. */
const DEMO_BUNDLE = 'cosign-sign';

/** The image of a laptop run in the embedded registry, and where it came from in words. */
export type ImportedImage = { image: DigestReference; origin: string };

/** Brings the image into the embedded registry: the demo image when none is given, otherwise an OCI layout, an archive, or a copy from another registry, to which nothing is written. */
export async function importImage(options: { project: string; given: string | undefined; registry: Registry; host: string }): Promise<ImportedImage> {
  const { source, repository, origin } = await openGiven(options);
  const target = { registry: options.host, repository };
  const { digest } = await copyArtifact(source, options.registry, target);
  return { image: { ...target, digest }, origin };
}

async function openGiven(options: {
  project: string;
  given: string | undefined;
  registry: Registry;
}): Promise<{ source: ContentSource; repository: string; origin: string }> {
  const { given } = options;
  if (given === undefined) {
    const layout = await composeDemoImage(options.project, DEMO_BUNDLE);
    return { source: await layoutSource(inMemory(layout)), repository: `demo/${DEMO_BUNDLE}`, origin: 'composed here from npm packages' };
  }
  if (existsSync(given)) return { source: await openArtifact(given), repository: `imported/${repositoryFrom(basename(given))}`, origin: given };
  const reference = parseReference(given);
  return { source: await options.registry.source(reference), repository: `imported/${reference.repository}`, origin: given };
}

/** A repository path component out of a file name: lower case, without endings such as .tar.gz, anything else turned into dashes. */
function repositoryFrom(fileName: string): string {
  const stem = fileName.toLowerCase().replace(/\.(tar|tgz|tar\.gz|oci)$/, '');
  return stem.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '') || 'image';
}

function inMemory(layout: Layout): Parameters<typeof layoutSource>[0] {
  const files = layoutFiles(layout);
  return {
    name: 'the demo image',
    async find(path) {
      const bytes = files.get(path);
      return bytes && { size: bytes.length, stream: () => one(bytes) };
    },
  };
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
