// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { composeLayer, composeLayout, type ReadyLayer } from '../../lib/artifact/write-layout.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { ARCHITECTURES, type Architecture, type Base, type BaseImage } from '../builder/base.ts';
import type { BuiltImage } from '../builder/built-image.ts';
import { debianFiles } from './debian-files.ts';
import { CA_BUNDLE, debianLayer, NONROOT } from './debian-layer.ts';
import { type DebianLock, parseDebianLock } from './debian-lock.ts';
import { readDebianPackage } from './debian-package.ts';
import { cachedLayer } from './layer-cache.ts';
import { lockedNode, nodeLayer } from './node-runtime.ts';
import type { RunProgram } from './run-program.ts';

export type LocalBaseOptions = {
  /** Root of the project, with package-lock.json and node_modules. */
  project: string;
  /** Folder that keeps downloads and layers from run to run. */
  cache: string;
  run: RunProgram;
  log: (line: string) => void;
  /** Seconds since 1970 for all that carries a time. */
  epoch: number;
  lock: DebianLock;
  architectures?: readonly Architecture[];
};

export const DEBIAN_LOCK_FILE = join(import.meta.dirname, 'debian.lock.json');

export async function readDebianLock(file: string = DEBIAN_LOCK_FILE): Promise<DebianLock> {
  return parseDebianLock(await readFile(file, 'utf8'));
}

/** The config of distroless' nonroot images. */
const CONFIG = {
  User: `${NONROOT}:${NONROOT}`,
  Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', `SSL_CERT_FILE=/${CA_BUNDLE}`],
  WorkingDir: '/home/nonroot',
  Entrypoint: ['/nodejs/bin/node'],
};

/**
 * The base for local builds and tests, laid out as a distroless image of Node (paths, user, config): glibc and certificates from pinned Debian packages,
 * Node from pinned npm packages. A release takes a distroless image by digest instead. The same pins give the same bytes.
 * Throws what fetching and reading the packages throws: see `debianFiles`, `readDebianPackage`, `nodeLayer`.
 */
export async function localBase(options: LocalBaseOptions): Promise<Base> {
  const images = (options.architectures ?? ARCHITECTURES).map(async (architecture) => [architecture, await baseImage(architecture, options)] as const);
  return { images: new Map(await Promise.all(images)) };
}

/** The base as an image of its own, for an engine that builds FROM it. */
export function baseAsImage(base: Base, name: string, version: string): BuiltImage {
  const parts = [...base.images].map(([architecture, { layers, config, history }]) => ({ platform: { os: 'linux', architecture }, layers, config, history }));
  return { name, version, layout: composeLayout(parts) };
}

async function baseImage(architecture: Architecture, options: LocalBaseOptions): Promise<BaseImage> {
  const { project, cache, epoch, lock } = options;
  const packages = lock[architecture];
  const node = await lockedNode(project, architecture);
  const recipe = { recipe: await recipeDigest(), zlib: process.versions.zlib, epoch };
  const layers = [
    await cachedLayer(cache, { ...recipe, packages }, () => makeDebianLayer(architecture, options)),
    await cachedLayer(cache, { ...recipe, node }, async () => composeLayer(await nodeLayer(node, options), { mtime: epoch })),
  ];
  const created = new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');
  const history = [
    { created, created_by: packages.map(({ name, version }) => `${name}=${version}`).join(' ') },
    { created, created_by: `${node.name}@${node.version}` },
  ];
  const { root } = composeLayout([{ platform: { os: 'linux', architecture }, layers, config: CONFIG, history }]);
  return { layers, config: CONFIG, history, digest: root.digest };
}

async function makeDebianLayer(architecture: Architecture, { cache, run, log, lock, epoch }: LocalBaseOptions): Promise<ReadyLayer> {
  const packages = lock[architecture];
  const files = await debianFiles(packages, architecture, { cache, run, log });
  const read = packages.map(({ name }, at) => readDebianPackage(files[at] ?? '', name, run));
  return composeLayer(debianLayer(await Promise.all(read)), { mtime: epoch });
}

/** Changes when the code that makes the layers does, so that the cache gives nothing that it would not make. */
async function recipeDigest(): Promise<string> {
  const library = join(import.meta.dirname, '../../lib/artifact');
  const own = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).sort();
  const files = [
    ...own.map((file) => join(import.meta.dirname, file)),
    join(import.meta.dirname, '../builder/copy-files.ts'),
    join(library, 'write-tar.ts'),
    join(library, 'write-layout.ts'),
  ];
  return sha256Digest((await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\0'));
}
