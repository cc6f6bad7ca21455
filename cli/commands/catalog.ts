// SPDX-License-Identifier: Apache-2.0
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { parseDigests, renderManifest } from '../catalog/render.ts';
import { PROJECT } from '../laptop/project.ts';

type Options = { state: string; digests: string; repository: string | undefined; catalog: string; output: string };

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const INSTALL_FILE = 'install.yaml';
/** `task/NAME/NAME.yaml` and the like: what is installed, as opposed to samples. */
const INSTALLED = /^(?:task|stepaction|pipeline)\/([^/]+)\/\1\.yaml$/;

/** `supply-chain catalog render`: the catalog with every image pinned by digest. */
export const catalogCommand: CommandModule<{ state: string }, Options> = {
  command: 'catalog render',
  describe: 'Write the catalog with every image pinned by digest',
  builder: (argv) =>
    argv
      .option('digests', { type: 'string', demandOption: true, describe: 'JSON file with the digest of each image, e.g. {"cosign-sign": "sha256:…"}' })
      .option('repository', { type: 'string', describe: 'Registry and path of your mirror, in place of the one in the catalog' })
      .option('catalog', { type: 'string', default: join(PROJECT, 'catalog'), describe: 'Folder with the catalog' })
      .option('output', { type: 'string', demandOption: true, describe: 'Folder to write to' }) as never,
  handler: async ({ digests: digestsFile, repository, catalog, output }) => {
    const digests = parseDigests((await readBounded(digestsFile, MAX_FILE_BYTES, 'file with digests')).toString('utf8'));
    const files = (await readdir(catalog, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    // Everything is rendered before anything is written, so that an unpinned image leaves no half catalog behind.
    const rendered = await Promise.all(
      files.map(async (entry) => {
        const path = join(entry.parentPath, entry.name).slice(catalog.length).replace(/^\//, '');
        const text = (await readBounded(join(catalog, path), MAX_FILE_BYTES, 'catalog file')).toString('utf8');
        return { path, text: path.endsWith('.yaml') ? renderManifest(text, path, { digests, repository }) : text };
      }),
    );
    for (const { path, text } of rendered) await writeAtomic(join(output, path), text);
    await writeAtomic(join(output, INSTALL_FILE), installManifest(rendered));
    console.log(`${rendered.length} files written to ${output}; install all of it with: kubectl apply -f ${join(output, INSTALL_FILE)}`);
  },
};

/** All Tasks, StepActions and Pipelines as one file, because `kubectl apply --recursive` would run the samples as well. */
function installManifest(files: readonly { path: string; text: string }[]): string {
  const manifests = files.filter(({ path }) => INSTALLED.test(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return `${manifests.map(({ text }) => text.trimEnd()).join('\n---\n')}\n`;
}
