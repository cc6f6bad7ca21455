// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

const PACKAGE = /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+(?=\/)/;
const NAMES = /^(?:package\.json|(?:licen[cs]e|copying|notice)(?:[.-].*)?)$/i;

/** Folders of the npm packages that a bundle is made of, relative to the project, sorted. */
export function bundledPackages({ inputs }: Pick<Metafile, 'inputs'>): string[] {
  return [...new Set(Object.keys(inputs).flatMap((path) => PACKAGE.exec(path)?.[0] ?? []))].sort();
}

/**
 * Writes package.json and licence texts of each bundled package below `folder`, which is written anew as a whole, at its place in node_modules. In an image
 * they tell an SBOM tool what is inside the bundle, and carry the notices that the licences ask for.
 */
export async function writePackages(root: string, folder: string, metafile: Pick<Metafile, 'inputs'>): Promise<void> {
  const work = await mkdtemp(join(root, 'dist', '.packages-'));
  for (const path of bundledPackages(metafile)) {
    const target = join(work, path.slice('node_modules/'.length));
    await mkdir(target, { recursive: true });
    const files = (await readdir(join(root, path), { withFileTypes: true })).filter((entry) => entry.isFile() && NAMES.test(entry.name));
    // Written, not copied: the mode in the image must not depend on that in node_modules.
    for (const { name } of files) await writeFile(join(target, name), await readFile(join(root, path, name)));
  }
  // mkdtemp made a folder that only its owner may enter.
  await chmod(work, 0o755);
  await rm(join(root, folder), { recursive: true, force: true });
  await rename(work, join(root, folder));
}
