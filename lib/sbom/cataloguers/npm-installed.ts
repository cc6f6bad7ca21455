// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from 'node:path/posix';
import type { Hash, Location, Package, Unknown } from '../model.ts';
import { asRecord, integrityHashes, isRecord, type NpmManifest, npmPurl } from './npm-package.ts';

const PACKAGE_NAME = '(?:@[^/]+/)?[^/@.][^/]*';
/** `node_modules` itself, and the stores of pnpm (`.pnpm/<id>/node_modules`) and of Yarn's pnpm linker (`.store/<id>/…`) below it. */
const MODULES = '(?:node_modules/)(?:\\.pnpm/[^/]+/node_modules/|\\.store/[^/]+/(?:node_modules/)?)?';
const PACKAGE_ROOT = new RegExp(`^(?:${MODULES}${PACKAGE_NAME}/)*${MODULES}${PACKAGE_NAME}$`);
const HIDDEN_LOCK = /(?:^|\/)node_modules\/\.package-lock\.json$/;

/**
 * Whether the folder is where a package manager puts a package: directly in a node_modules that stands at a project, or in one of another such
 * package. A node_modules elsewhere inside a package (test fixtures, templates) is a part of that package; npm does not list it either.
 */
export function isNpmPackageRoot(folder: string): boolean {
  const start = folder.startsWith('node_modules/') ? 0 : folder.indexOf('/node_modules/') + 1;
  return (start > 0 || folder.startsWith('node_modules/')) && PACKAGE_ROOT.test(folder.slice(start));
}

/** Whether the path is npm's own record of a node_modules folder (`node_modules/.package-lock.json`, npm 7 and later). */
export function isHiddenLock(path: string): boolean {
  return HIDDEN_LOCK.test(path);
}

/** What the hidden lock knows beyond package.json, by package folder relative to the project. */
export type HiddenLock = Map<string, { version: string; hashes: Hash[]; development: boolean; optional: boolean }>;

/** Reads node_modules/.package-lock.json. Throws SyntaxError for broken JSON. */
export function readHiddenLock(text: string): HiddenLock {
  const lock: HiddenLock = new Map();
  for (const [folder, entry] of Object.entries(asRecord(asRecord(JSON.parse(text)).packages))) {
    if (!isRecord(entry) || typeof entry.version !== 'string') continue;
    const hashes = integrityHashes(entry.integrity);
    const either = entry.devOptional === true;
    lock.set(folder, { version: entry.version, hashes, development: entry.dev === true || either, optional: entry.optional === true || either });
  }
  return lock;
}

export type NpmInstalledInput = {
  /** Manifests by package folder: package roots, and folders that only a link leads to. */
  manifests: Map<string, { manifest: NpmManifest; location: Location }>;
  /** Links by their path in a node_modules to the folder they lead to. */
  links: Map<string, string>;
  /** Hidden locks by project folder. */
  hiddenLocks: Map<string, HiddenLock>;
};

/**
 * The npm packages that are installed under node_modules folders. Edges follow Node's resolution: a needed name is looked up in the node_modules
 * of the package's own folder and of every folder above. What is needed and not there (an optional package for another platform) has no edge.
 */
export function catalogueInstalledNpm(input: NpmInstalledInput): { packages: Package[]; unknowns: Unknown[] } {
  const packages: Package[] = [];
  const linked = new Set(input.links.values());
  for (const [folder, { manifest, location }] of input.manifests) {
    if (!isNpmPackageRoot(folder) && !linked.has(folder)) continue;
    const dependsOn = manifest.needs.flatMap((name) => resolve(folder, name, input) ?? []);
    const lock = hiddenLockEntry(folder, manifest.version, input.hiddenLocks);
    packages.push({
      type: 'npm',
      name: manifest.name,
      version: manifest.version,
      purl: npmPurl(manifest.name, manifest.version),
      licenses: manifest.licenses,
      supplier: manifest.author,
      homepage: manifest.homepage,
      description: manifest.description,
      hashes: lock?.hashes ?? [],
      dependsOn,
      locations: [location],
      properties: { ...(lock?.development && { development: 'true' }), ...(lock?.optional && { optional: 'true' }) },
    });
  }
  return { packages, unknowns: [] };
}

function resolve(from: string, name: string, { manifests, links }: NpmInstalledInput): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (!folder.endsWith('/node_modules') && folder !== 'node_modules') {
      const candidate = join(folder, 'node_modules', name);
      const found = manifests.get(links.get(candidate) ?? candidate)?.manifest;
      if (found !== undefined) return npmPurl(found.name, found.version);
    }
    if (folder === '.' || folder === '/') return undefined;
  }
}

function hiddenLockEntry(folder: string, version: string, locks: Map<string, HiddenLock>): ReturnType<HiddenLock['get']> {
  const at = folder.startsWith('node_modules/') ? 0 : folder.indexOf('/node_modules/') + 1;
  const project = at === 0 ? '.' : folder.slice(0, at - 1);
  const entry = locks.get(project)?.get(folder.slice(at));
  return entry?.version === version ? entry : undefined;
}
