// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError, type StepError, transientError } from '../../lib/errors/errors.ts';
import { digestHex, sha256Digest } from '../../lib/reference/digest.ts';
import { ARCHITECTURES, type Architecture } from '../builder/base.ts';
import { DEBIAN_PACKAGES, type DebianLock, type LockedPackage } from './debian-lock.ts';
import type { ProgramResult, RunProgram } from './run-program.ts';

export type DebianFilesOptions = {
  /** Folder that keeps downloads from run to run. */
  cache: string;
  run: RunProgram;
  log: (line: string) => void;
};

const REFRESH = 'npm run images -- base --refresh';

/**
 * Paths of the locked .deb files of one architecture, in the order of the lock; what the cache does not have is fetched by `apt-get download` from the
 * mirrors of this machine. Each file is checked against the lock on every call.
 * Throws input APT_MISSING, BASE_LOCK_STALE (the mirrors have another version or content), transient DEBIAN_UNREACHABLE.
 */
export async function debianFiles(packages: readonly LockedPackage[], architecture: Architecture, options: DebianFilesOptions): Promise<string[]> {
  const folder = join(options.cache, 'deb');
  await mkdir(folder, { recursive: true });
  const place = ({ sha256 }: LockedPackage): string => join(folder, `${sha256}.deb`);
  const missing: LockedPackage[] = [];
  for (const one of packages) if ((await hashOf(place(one))) !== one.sha256) missing.push(one);
  if (missing.length > 0) {
    options.log(`fetching ${missing.length} Debian packages for ${architecture}`);
    await withApt(architecture, options, async (apt) => {
      await apt.download(missing.map(({ name, version }) => `${name}=${version}`));
      const fetched = await hashes(apt.downloads);
      for (const one of missing) {
        const file = fetched.get(one.sha256);
        if (file === undefined)
          throw stale(`none of the files that the Debian mirror gave for ${one.name} ${one.version} (${architecture}) has the locked SHA-256`);
        await rename(file, place(one));
      }
    });
  }
  return packages.map(place);
}

/** A lock over the newest versions that the mirrors of this machine have; apt checks them by Debian's signatures. The files are in the cache then. */
export async function newestDebianLock(options: DebianFilesOptions): Promise<DebianLock> {
  const lock: DebianLock = { amd64: [], arm64: [] };
  await mkdir(join(options.cache, 'deb'), { recursive: true });
  for (const architecture of ARCHITECTURES) {
    await withApt(architecture, options, async ({ download, downloads }) => {
      await download(DEBIAN_PACKAGES);
      const files = await Promise.all((await readdir(downloads)).map(async (file) => ({ file, sha256: await hashOf(join(downloads, file)) })));
      lock[architecture] = DEBIAN_PACKAGES.map((name) => {
        const found = files.find(({ file }) => file.startsWith(`${name}_`));
        // apt writes NAME_VERSION_ARCHITECTURE.deb with the colon of an epoch as %3a.
        const version = decodeURIComponent(found?.file.split('_')[1] ?? '');
        return { name, version, sha256: found?.sha256 ?? '' };
      });
      for (const { file, sha256 } of files) await rename(join(downloads, file), join(options.cache, 'deb', `${sha256}.deb`));
    });
  }
  return lock;
}

type Apt = { download: (packages: readonly string[]) => Promise<void>; downloads: string };

/** apt with a state of its own for the wanted architecture, so that the system's is neither used nor changed; sources and keys are the system's. */
async function withApt(architecture: Architecture, { cache, run }: DebianFilesOptions, use: (apt: Apt) => Promise<void>): Promise<void> {
  const work = await mkdtemp(join(cache, 'apt-'));
  try {
    const [downloads, lists, archives] = [join(work, 'downloads'), join(work, 'lists'), join(work, 'cache')];
    for (const folder of [downloads, join(lists, 'partial'), join(archives, 'archives/partial')]) await mkdir(folder, { recursive: true });
    const settings = {
      'APT::Architecture': architecture,
      'APT::Architectures::': architecture,
      'APT::Sandbox::User': 'root',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
      'Acquire::Languages': 'none',
      'Dir::State': work,
      'Dir::State::lists': lists,
      'Dir::State::status': '/dev/null',
      'Dir::Cache': archives,
    };
    const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    const apt = async (args: readonly string[]): Promise<ProgramResult> =>
      run('apt-get', [...options, '-q', ...args], { cwd: downloads, env: { ...process.env, LC_ALL: 'C' } }).catch((cause: unknown) => {
        throw inputError('APT_MISSING', 'the local base is made from Debian packages, and apt-get cannot be started', {
          hint: 'build on Debian or Ubuntu with Debian sources, or give a base image by digest: npm run images -- --base HOST/NAME@sha256:…',
          cause,
        });
      });
    // A source of this machine that does not answer need not be Debian's: it matters when a package is not found.
    const update = await apt(['update', '--error-on=any']);
    await use({ download: (packages) => download(apt, update, packages, architecture), downloads });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

type AptGet = (args: readonly string[]) => Promise<ProgramResult>;

async function download(apt: AptGet, update: ProgramResult, packages: readonly string[], architecture: Architecture): Promise<void> {
  const result = await apt(['download', ...packages]);
  if (result.code === 0) return;
  if (update.code !== 0) throw unreachable(update);
  const gone = /(?:Version .* for .* was not found|Unable to locate package .*|Can't find .*)/.exec(result.stderr)?.[0];
  if (gone === undefined) throw unreachable(result);
  throw stale(`the Debian mirrors of this machine do not have a locked package for ${architecture} (any more): ${gone}`);
}

async function hashes(folder: string): Promise<Map<string, string>> {
  const files = (await readdir(folder)).map((file) => join(folder, file));
  return new Map(await Promise.all(files.map(async (file) => [(await hashOf(file)) ?? '', file] as const)));
}

async function hashOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found === undefined ? undefined : digestHex(sha256Digest(await readFile(file)));
}

function stale(message: string): StepError {
  return inputError('BASE_LOCK_STALE', message, { hint: `Debian has moved on; lock what it has now and commit the file: ${REFRESH}` });
}

function unreachable({ stderr }: ProgramResult): StepError {
  return transientError('DEBIAN_UNREACHABLE', `apt-get could not read the Debian mirrors of this machine:\n${stderr.trim().slice(-1000)}`);
}
