// SPDX-License-Identifier: Apache-2.0
import { basename, dirname } from 'node:path/posix';
import { readApkInstalled } from './cataloguers/apk.ts';
import { readCopyright } from './cataloguers/copyright.ts';
import { readDpkgStatus } from './cataloguers/dpkg.ts';
import { readGoMod } from './cataloguers/go-mod.ts';
import { isHiddenLock, isNpmPackageRoot, readHiddenLock } from './cataloguers/npm-installed.ts';
import { readNpmLock } from './cataloguers/npm-lock.ts';
import { countDeclared, readNpmManifest } from './cataloguers/npm-package.ts';
import { readOsRelease } from './cataloguers/os-release.ts';
import type { Value } from './finding.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What reads one kind of file. `read` is pure; what it throws becomes a `problem`. */
export type Reader = {
  name: string;
  /** An unpacked image, or a source folder. */
  where: 'image' | 'source';
  /** Paths are relative to the root, without a leading slash. */
  matches(path: string): boolean;
  /** Larger files are not read and make the catalogue incomplete. */
  maxBytes: number;
  /** Undefined when the file turns out to describe no package. */
  read(bytes: Buffer, path: string): Value | undefined;
};

const text = (bytes: Buffer): string => bytes.toString('utf8');

/** Every file that is read whole. ELF files are told by content, not by path: see cataloguers/elf.ts. */
export const READERS: readonly Reader[] = [
  {
    name: 'os-release',
    where: 'image',
    matches: (path) => path === 'etc/os-release' || path === 'usr/lib/os-release',
    maxBytes: 64 * KIB,
    read(bytes) {
      const distribution = readOsRelease(text(bytes));
      return distribution && { kind: 'os-release', distribution };
    },
  },
  {
    name: 'dpkg status',
    where: 'image',
    matches: (path) => path === 'var/lib/dpkg/status' || (path.startsWith('var/lib/dpkg/status.d/') && !path.endsWith('.md5sums')),
    maxBytes: 64 * MIB,
    read: (bytes) => ({ kind: 'dpkg-status', status: readDpkgStatus(text(bytes)) }),
  },
  {
    name: 'dpkg file list',
    where: 'image',
    matches: (path) => /^var\/lib\/dpkg\/(?:info\/[^/]+\.list|status\.d\/[^/]+\.md5sums)$/.test(path),
    maxBytes: 16 * MIB,
    read: (bytes, path) => ({ kind: 'dpkg-files', package: basename(path).replace(/(?::[a-z0-9-]+)?\.(?:list|md5sums)$/, ''), bytes: Buffer.from(bytes) }),
  },
  {
    name: 'Debian copyright',
    where: 'image',
    matches: (path) => /^usr\/share\/doc\/[^/]+\/copyright$/.test(path),
    maxBytes: 4 * MIB,
    read(bytes, path) {
      const licenses = readCopyright(text(bytes));
      return licenses && { kind: 'copyright', package: basename(dirname(path)), licenses };
    },
  },
  {
    name: 'apk database',
    where: 'image',
    matches: (path) => path === 'lib/apk/db/installed' || path === 'usr/lib/apk/db/installed',
    maxBytes: 64 * MIB,
    read: (bytes) => ({ kind: 'apk-installed', installed: readApkInstalled(text(bytes)), bytes: Buffer.from(bytes) }),
  },
  {
    name: 'npm package.json',
    where: 'image',
    matches: (path) => basename(path) === 'package.json' && (isNpmPackageRoot(dirname(path)) || !`/${path}`.includes('/node_modules/')),
    maxBytes: MIB,
    read: readInstalledManifest,
  },
  {
    name: 'npm hidden lock file',
    where: 'image',
    matches: isHiddenLock,
    maxBytes: 64 * MIB,
    read: (bytes) => ({ kind: 'npm-hidden-lock', lock: readHiddenLock(text(bytes)) }),
  },
  {
    name: 'npm lock file',
    where: 'source',
    matches: (path) => basename(path) === 'package-lock.json' || basename(path) === 'npm-shrinkwrap.json',
    maxBytes: 64 * MIB,
    read: (bytes) => ({ kind: 'npm-lock', lock: readNpmLock(text(bytes)) }),
  },
  {
    name: 'npm package.json',
    where: 'source',
    matches: (path) => basename(path) === 'package.json',
    maxBytes: MIB,
    read: (bytes) => ({ kind: 'npm-declared', dependencies: countDeclared(text(bytes)) }),
  },
  {
    name: 'go.mod',
    where: 'source',
    matches: (path) => basename(path) === 'go.mod',
    maxBytes: 4 * MIB,
    read: (bytes) => ({ kind: 'go-mod', mod: readGoMod(text(bytes)) }),
  },
];

/** A package folder without a readable name and version is a problem; a package.json elsewhere is only of use when it is good. */
function readInstalledManifest(bytes: Buffer, path: string): Value | undefined {
  const isRoot = isNpmPackageRoot(dirname(path));
  try {
    const manifest = readNpmManifest(text(bytes));
    if (manifest !== undefined) return { kind: 'npm-manifest', manifest };
    return isRoot ? { kind: 'problem', reason: 'package.json of an installed package without a valid name and version' } : undefined;
  } catch (error) {
    if (isRoot) throw error;
    return undefined;
  }
}

type UnreadKind = { where: Reader['where']; pattern: RegExp; reason: string };

/** Files that tell of packages no cataloguer here reads; each makes the catalogue incomplete unless an OS package owns it. */
const UNREAD: readonly UnreadKind[] = [
  { where: 'image', pattern: /^(?:var\/lib|usr\/lib\/sysimage|usr\/share)\/rpm\/(?:Packages|Packages\.db|rpmdb\.sqlite)$/, reason: 'rpm database: not read' },
  { where: 'image', pattern: /\.(?:dist-info\/METADATA|egg-info\/PKG-INFO|egg-info)$/, reason: 'Python package: not read' },
  { where: 'image', pattern: /\.(?:jar|war|ear)$/, reason: 'Java archive: not read' },
  { where: 'image', pattern: /\/specifications\/(?:default\/)?[^/]+\.gemspec$/, reason: 'Ruby gem: not read' },
  { where: 'image', pattern: /(?:^|\/)vendor\/composer\/installed\.json$/, reason: 'PHP Composer packages: not read' },
  { where: 'image', pattern: /\.deps\.json$/, reason: '.NET packages: not read' },
  { where: 'image', pattern: /(?:^|\/)conda-meta\/[^/]+\.json$/, reason: 'Conda package: not read' },
  { where: 'image', pattern: /^var\/lib\/pacman\/local\/[^/]+\/desc$/, reason: 'pacman database: not read' },
  { where: 'image', pattern: /^var\/db\/pkg\/[^/]+\/[^/]+\/PF$/, reason: 'Portage database: not read' },
  { where: 'image', pattern: /^nix\/store\/[^/]+\.drv$|^nix\/var\/nix\/db\/db\.sqlite$/, reason: 'Nix store: not read' },
  { where: 'image', pattern: /^usr\/lib\/opkg\/status$/, reason: 'opkg database: not read' },
  {
    where: 'source',
    pattern: /(?:^|\/)(?:yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock)$/,
    reason: 'lock file of another JavaScript package manager: not read',
  },
  {
    where: 'source',
    pattern: /(?:^|\/)(?:requirements[^/]*\.txt|poetry\.lock|uv\.lock|pdm\.lock|Pipfile\.lock|pylock\.toml|setup\.py)$/,
    reason: 'Python dependencies: not read',
  },
  { where: 'source', pattern: /(?:^|\/)(?:pom\.xml|build\.gradle(?:\.kts)?|gradle\.lockfile)$/, reason: 'Java dependencies: not read' },
  { where: 'source', pattern: /(?:^|\/)Cargo\.(?:lock|toml)$/, reason: 'Rust dependencies: not read' },
  { where: 'source', pattern: /(?:^|\/)(?:Gemfile\.lock|[^/]+\.gemspec)$/, reason: 'Ruby dependencies: not read' },
  { where: 'source', pattern: /(?:^|\/)composer\.lock$/, reason: 'PHP dependencies: not read' },
  { where: 'source', pattern: /(?:\.(?:cs|fs|vb)proj|\/packages\.lock\.json)$/, reason: '.NET dependencies: not read' },
  { where: 'source', pattern: /(?:^|\/)\.gitmodules$/, reason: 'Git submodules: not read' },
];

/** The reader of a path, if any. */
export function readerFor(path: string, where: Reader['where']): Reader | undefined {
  return READERS.find((reader) => reader.where === where && reader.matches(path));
}

/** Why a path that no reader takes still tells of packages, if it does. */
export function unreadReason(path: string, where: Reader['where']): string | undefined {
  return UNREAD.find((kind) => kind.where === where && kind.pattern.test(path))?.reason;
}

/** Runs a reader; what it cannot read becomes a problem that names the kind of file. */
export function readFinding(reader: Reader, bytes: Buffer, path: string): Value | undefined {
  try {
    return reader.read(bytes, path);
  } catch (error) {
    return { kind: 'problem', reason: `${reader.name} cannot be read: ${error instanceof Error ? error.name : 'error'}` };
  }
}

/** The problem of a file over its reader's budget. */
export function overBudget(reader: Reader, size: number): Value {
  return { kind: 'problem', reason: `${reader.name} of ${size} bytes: only ${reader.maxBytes} are read` };
}
