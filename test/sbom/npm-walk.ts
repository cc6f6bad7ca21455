// SPDX-License-Identifier: Apache-2.0
import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * `name@version` of every npm package installed below a root, by walking it as npm's own reader of installed trees does: into each node_modules
 * folder outside of packages, then from package to the node_modules directly in it. Written apart from the product, as its oracle.
 */
export async function walkInstalledNpm(root: string): Promise<Set<string>> {
  const found = new Set<string>();
  const open = [root];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of await folders(folder)) {
      if (entry.name === 'node_modules') await readModules(join(folder, entry.name), found);
      else open.push(join(folder, entry.name));
    }
  }
  return found;
}

async function readModules(modules: string, found: Set<string>): Promise<void> {
  for (const entry of await folders(modules)) {
    if (entry.name.startsWith('.')) continue;
    const names = entry.name.startsWith('@') ? (await folders(join(modules, entry.name))).map((one) => join(entry.name, one.name)) : [entry.name];
    for (const name of names) {
      const folder = join(modules, name);
      const manifest = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
      if (manifest === undefined) continue;
      const json = JSON.parse(manifest);
      found.add(`${json.name}@${json.version}`);
      if ((await folders(folder)).some((one) => one.name === 'node_modules')) await readModules(join(folder, 'node_modules'), found);
    }
  }
}

async function folders(folder: string): Promise<Dirent[]> {
  return (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
}
