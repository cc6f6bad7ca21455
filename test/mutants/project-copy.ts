// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const PARALLEL = 16;

/**
 * Copies `files` of the project, as they stand in the working tree, to a new folder, so that the tree itself is never mutated. Installed packages are linked one by
 * one: the folder around them is the copy's own, so that nothing that is written or removed there reaches the originals.
 */
export async function copyProject(root: string, files: readonly string[], target: string): Promise<void> {
  const work = files.values();
  const copyNext = async (): Promise<void> => {
    for (const path of work) await cp(join(root, path), join(target, path), { verbatimSymlinks: true });
  };
  await Promise.all(Array.from({ length: PARALLEL }, copyNext));
  await linkPackages(root, target);
}

/**
 * Builds the bundles of the copy that are missing or older than their sources; gives why it could not, undefined when it could. Tests of test/step do that, too, in a hook that has
 * no time for all of them.
 */
export async function buildBundles(project: string): Promise<string | undefined> {
  const bundles = (await import(pathToFileURL(join(project, 'test/step/bundles.ts')).href)) as typeof import('../step/bundles.ts');
  return bundles.ensureBundles().then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

/** What git tracks or would track and what is there, by path below the root. Throws an Error outside of a git checkout. */
export function trackedFiles(root: string): string[] {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: 'pipe' } as const;
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], options);
  return [...new Set(list.split('\0'))].filter((path) => path !== '' && existsSync(join(root, path)));
}

async function linkPackages(root: string, target: string): Promise<void> {
  await mkdir(join(target, 'node_modules'), { recursive: true });
  for (const name of await readdir(join(root, 'node_modules'))) {
    // What vite and vitest keep there is about the originals.
    if (!name.startsWith('.vite')) await symlink(join(root, 'node_modules', name), join(target, 'node_modules', name));
  }
}
