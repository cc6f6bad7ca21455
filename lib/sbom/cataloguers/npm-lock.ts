// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from 'node:path/posix';
import { redactUrl } from '../../log/redact.ts';
import type { Hash, Package, Unknown } from '../model.ts';
import { asRecord, integrityHashes, isNpmName, isNpmVersion, isRecord, npmPurl, readLicenses } from './npm-package.ts';

const MAX_DEPTH = 100;

/** One package of a lock file, by the folder it would be installed in. */
type Entry = {
  name: string;
  version: string;
  needs: string[];
  hashes: Hash[];
  licenses: string[];
  development: boolean;
  optional: boolean;
  bundled: boolean;
  vcsUrl?: string | undefined;
};

/** Entries by folder and links by folder; folder `''` is the project. */
export type NpmLock = {
  entries: Map<string, Entry>;
  links: Map<string, string>;
  /** Folders of the project and its workspaces. */
  projects: Set<string>;
  problems: string[];
};

/**
 * Reads package-lock.json or npm-shrinkwrap.json of lockfileVersion 1 (nested `dependencies`), 2 or 3 (`packages`), as npm documents them
 * (package-lock.json(5)). Throws SyntaxError for broken JSON; a version it does not know is a problem, not an empty list.
 */
export function readNpmLock(text: string): NpmLock {
  const json = asRecord(JSON.parse(text));
  const lock: NpmLock = { entries: new Map(), links: new Map(), projects: new Set(), problems: [] };
  const version = json.lockfileVersion ?? 1;
  if (isRecord(json.packages) && (version === 2 || version === 3)) readFlat(json.packages, json, lock);
  else if (version === 1) readNested(json, '', lock, 0);
  else lock.problems.push(`lockfileVersion ${JSON.stringify(version).slice(0, 40)} is not one of 1, 2, 3`);
  return lock;
}

function readFlat(packages: Record<string, unknown>, top: Record<string, unknown>, lock: NpmLock): void {
  for (const [folder, value] of Object.entries(packages)) {
    const entry = asRecord(value);
    if (entry.link === true && typeof entry.resolved === 'string') {
      lock.links.set(folder, join('.', entry.resolved.replace(/^file:/, '')));
      continue;
    }
    const project = folder === '' || !/(?:^|\/)node_modules\//.test(folder);
    const named = entry.name ?? (project ? (folder === '' ? top.name : folder.split('/').at(-1)) : nameOfFolder(folder));
    const versioned = entry.version ?? (folder === '' ? top.version : undefined);
    const needs = ['dependencies', 'optionalDependencies', 'peerDependencies', ...(project ? ['devDependencies'] : [])];
    addEntry(
      lock,
      folder,
      named,
      versioned,
      entry,
      needs.flatMap((key) => Object.keys(asRecord(entry[key]))),
      project,
    );
  }
}

function readNested(json: Record<string, unknown>, folder: string, lock: NpmLock, depth: number): void {
  if (depth > MAX_DEPTH) {
    lock.problems.push(`dependencies are nested deeper than ${MAX_DEPTH}`);
    return;
  }
  if (folder === '') addEntry(lock, '', json.name, json.version, {}, Object.keys(asRecord(json.dependencies)), true);
  for (const [name, value] of Object.entries(asRecord(json.dependencies))) {
    const entry = asRecord(value);
    const inside = join(folder, 'node_modules', name);
    const alias = /^npm:((?:@[^/]+\/)?[^@]+)@(.+)$/.exec(String(entry.version ?? ''));
    addEntry(lock, inside, alias?.[1] ?? name, alias?.[2] ?? entry.version, entry, Object.keys(asRecord(entry.requires)), false);
    readNested(entry, inside, lock, depth + 1);
  }
}

function addEntry(lock: NpmLock, folder: string, name: unknown, version: unknown, entry: Record<string, unknown>, needs: string[], project: boolean): void {
  if (project) lock.projects.add(folder);
  const vcsUrl = gitUrl(entry.resolved) ?? gitUrl(version);
  const stated = vcsUrl !== undefined && !isNpmVersion(version) ? vcsUrl.split('@').at(-1) : version;
  if (!isNpmName(name) || !isNpmVersion(stated)) {
    if (!project) lock.problems.push(`${folder} states no registry name and version`);
    return;
  }
  lock.entries.set(folder, {
    name,
    version: stated,
    needs: [...new Set(needs)].filter(isNpmName),
    hashes: integrityHashes(entry.integrity),
    licenses: readLicenses(entry),
    development: entry.dev === true || entry.devOptional === true,
    optional: entry.optional === true || entry.devOptional === true,
    bundled: entry.inBundle === true || entry.bundled === true,
    vcsUrl,
  });
}

function gitUrl(resolved: unknown): string | undefined {
  if (typeof resolved !== 'string' || !/^git(?:\+|:)/.test(resolved)) return undefined;
  const [address = '', commit] = resolved.split('#');
  return commit === undefined ? redactUrl(address) : `${redactUrl(address)}@${commit}`;
}

function nameOfFolder(folder: string): string {
  return folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/**
 * The packages that a lock file at `path` pins, workspaces and the project itself included when they state name and version. Edges follow Node's
 * resolution over the folders of the lock file.
 */
export function catalogueNpmLock(lock: NpmLock, path: string): { packages: Package[]; unknowns: Unknown[] } {
  const packages: Package[] = [];
  for (const [folder, entry] of lock.entries) {
    const dependsOn = entry.needs.flatMap((name) => {
      const found = resolve(folder, name, lock);
      return found === undefined ? [] : [npmPurl(found.name, found.version, found.vcsUrl)];
    });
    packages.push({
      type: 'npm',
      name: entry.name,
      version: entry.version,
      purl: npmPurl(entry.name, entry.version, entry.vcsUrl),
      licenses: entry.licenses,
      hashes: entry.hashes,
      dependsOn,
      locations: [{ path }],
      properties: {
        ...(entry.development && { development: 'true' }),
        ...(entry.optional && { optional: 'true' }),
        ...(entry.bundled && { bundled: 'true' }),
      },
    });
  }
  return { packages, unknowns: lock.problems.map((reason) => ({ path, reason })) };
}

function resolve(from: string, name: string, lock: NpmLock): Entry | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (folder === '.') folder = '';
    if (!folder.endsWith('/node_modules') && folder !== 'node_modules') {
      const candidate = join(folder, 'node_modules', name);
      const found = lock.entries.get(lock.links.get(candidate) ?? candidate);
      if (found !== undefined) return found;
    }
    if (folder === '') return undefined;
  }
}
