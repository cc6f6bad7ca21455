// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { ARCHITECTURES, type Architecture, type Base } from './base.ts';
import type { BuiltImage } from './built-image.ts';
import { composeImage } from './compose-image.ts';
import { type Recipe, readDockerfile } from './dockerfile.ts';

export type BuildOptions = {
  /** Root of the project, with images/ and what the COPYs name. */
  project: string;
  /** Images to build, all when not given. */
  names?: readonly string[] | undefined;
  base: Base;
  architectures: readonly Architecture[];
  version: string;
  /** Seconds since 1970 for all that carries a time. */
  epoch: number;
  revision?: string | undefined;
};

/** What stands for the base in a Dockerfile when it is made here and has no name in a registry. */
const LOCAL_BASE = 'local-base';

/** Names of all images: the folders `images/NAME` with a Dockerfile, sorted. */
export async function imageNames(project: string): Promise<string[]> {
  const folders = await readdir(join(project, 'images'));
  return folders.filter((name) => existsSync(join(project, 'images', name, 'Dockerfile'))).sort();
}

/**
 * Builds images from their Dockerfiles (see `readDockerfile`, `composeImage`), the same bytes for the same files.
 * Throws input IMAGE_UNKNOWN for a name without Dockerfile, BASE_NOT_OPEN when a Dockerfile does not build FROM the argument BASE_IMAGE.
 */
export async function buildImages(options: BuildOptions): Promise<BuiltImage[]> {
  const known = await imageNames(options.project);
  const unknown = options.names?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0)
    throw inputError('IMAGE_UNKNOWN', `there is no images/NAME/Dockerfile for ${unknown.join(', ')}`, { hint: `the images are ${known.join(', ')}` });
  const built: BuiltImage[] = [];
  for (const name of options.names ?? known) built.push(await buildImage(name, options));
  return built;
}

async function buildImage(name: string, { project, base, version, ...options }: BuildOptions): Promise<BuiltImage> {
  const file = join('images', name, 'Dockerfile');
  const baseName = base.name ?? LOCAL_BASE;
  const text = await readFile(join(project, file), 'utf8');
  const recipeFor = (architecture: Architecture): Recipe => readDockerfile(text, file, { BASE_IMAGE: baseName, VERSION: version }, architecture);
  const { base: from } = recipeFor(ARCHITECTURES[0]);
  if (from !== baseName)
    throw inputError('BASE_NOT_OPEN', `${file}: FROM names ${from}`, {
      hint: `write FROM \${BASE_IMAGE}: every image has the one base that the build is given`,
    });
  return { name, version, layout: await composeImage(recipeFor, { root: project, base, ...options }) };
}
