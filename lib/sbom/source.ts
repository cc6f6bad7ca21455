// SPDX-License-Identifier: Apache-2.0
import type { Dirent } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { basename, dirname } from 'node:path/posix';
import { inputError, transientError } from '../errors/errors.ts';
import type { Logger } from '../log/log.ts';
import { catalogueGoMod } from './cataloguers/go-mod.ts';
import { catalogueNpmLock, type NpmLock } from './cataloguers/npm-lock.ts';
import type { Finding, Value } from './finding.ts';
import { byText, type CatalogueResult, type SourceCatalogue, type Unknown, uniteByPurl } from './model.ts';
import { overBudget, type Reader, readerFor, readFinding, unreadReason } from './table.ts';

export type CatalogueSourceOptions = { dir: string; signal?: AbortSignal | undefined; log: Logger; limits?: Partial<SourceLimits> };
export type SourceLimits = { files: number; depth: number };
const DEFAULT_LIMITS: SourceLimits = { files: 1_000_000, depth: 64 };

/** Installed or foreign trees: what they hold is declared by the lock files outside. */
const SKIPPED = new Set(['.git', 'node_modules', '.hg', '.svn']);

/**
 * What the lock files of a source folder pin. Symbolic links are not followed. Throws input SOURCE_UNREADABLE, SOURCE_OVER_LIMIT, transient ABORTED.
 */
export async function catalogueSource(options: CatalogueSourceOptions): Promise<SourceCatalogue> {
  const { dir, log, signal } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const root = await lstat(dir).catch((cause: unknown) => {
    throw inputError('SOURCE_UNREADABLE', `source folder ${dir} cannot be read`, { cause });
  });
  if (!root.isDirectory()) throw inputError('SOURCE_UNREADABLE', `source folder ${dir} is not a folder`);
  const findings: Finding[] = [];
  let files = 0;
  const walk = async (folder: string, depth: number): Promise<void> => {
    if (depth > limits.depth) throw inputError('SOURCE_OVER_LIMIT', `source folder ${dir} is deeper than ${limits.depth} at ${folder}`);
    for (const entry of await list(dir, folder)) {
      if (signal?.aborted === true) throw transientError('ABORTED', `reading ${dir} was stopped: time is up`, { cause: signal.reason });
      if (++files > limits.files) throw inputError('SOURCE_OVER_LIMIT', `source folder ${dir} holds more than ${limits.files} files`);
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name)) await walk(path, depth + 1);
        continue;
      }
      const value = await readEntry(dir, path, entry);
      if (value !== undefined) findings.push({ path, value });
    }
  };
  await walk('', 0);
  const result = assembleSource(findings);
  log.info('catalogued source', { files, packages: result.packages.length, unknowns: result.unknowns.length });
  return { ...result, files };
}

async function list(dir: string, folder: string): Promise<Dirent[]> {
  const entries = await readdir(join(dir, folder), { withFileTypes: true }).catch((cause: unknown) => {
    throw inputError('SOURCE_UNREADABLE', `folder ${folder || '.'} of ${dir} cannot be read`, { cause });
  });
  return entries.sort((a, b) => byText(a.name, b.name));
}

async function readEntry(dir: string, path: string, entry: Dirent): Promise<Value | undefined> {
  const reader = readerFor(path, 'source');
  if (reader === undefined) {
    const reason = unreadReason(path, 'source');
    return reason === undefined ? undefined : { kind: 'unread', reason };
  }
  if (!entry.isFile()) return { kind: 'problem', reason: `${reader.name} is not a regular file: not followed` };
  return readFile(join(dir, path), path, reader);
}

async function readFile(file: string, path: string, reader: Reader): Promise<Value | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) return { kind: 'problem', reason: `${reader.name} cannot be opened` };
  try {
    const { size } = await handle.stat();
    if (size > reader.maxBytes) return overBudget(reader, size);
    return readFinding(reader, await handle.readFile(), path);
  } finally {
    await handle.close();
  }
}

function assembleSource(findings: Finding[]): CatalogueResult {
  const locks = new Map(findings.flatMap(({ path, value }) => (value.kind === 'npm-lock' ? [[path, value.lock] as const] : [])));
  const results: CatalogueResult[] = [];
  const unknowns: Unknown[] = [];
  for (const { path, value } of findings) {
    if (value.kind === 'go-mod') results.push(catalogueGoMod(value.mod, path));
    else if (value.kind === 'npm-lock' && !isShadowed(path, locks)) results.push(catalogueNpmLock(value.lock, path));
    else if (value.kind === 'unread' || value.kind === 'problem') unknowns.push({ path, reason: value.reason });
    else if (value.kind === 'npm-declared' && value.dependencies > 0 && !isLocked(dirname(path), locks)) {
      unknowns.push({ path, reason: 'package.json whose dependencies no lock file pins' });
    }
  }
  const all = [...unknowns, ...results.flatMap((one) => one.unknowns)];
  return {
    packages: uniteByPurl(results.flatMap((one) => one.packages)),
    unknowns: all.sort((a, b) => byText(a.path, b.path) || byText(a.reason, b.reason)),
  };
}

/** npm takes npm-shrinkwrap.json and then does not look at package-lock.json. */
function isShadowed(path: string, locks: Map<string, unknown>): boolean {
  return basename(path) === 'package-lock.json' && locks.has(path.replace(/package-lock\.json$/, 'npm-shrinkwrap.json'));
}

/** Whether a lock file lies beside the package.json, or one above lists the folder as a workspace. */
function isLocked(folder: string, locks: Map<string, NpmLock>): boolean {
  for (const [path, lock] of locks) {
    const base = dirname(path);
    if (base === folder) return true;
    const inside = base === '.' ? folder : folder.startsWith(`${base}/`) ? folder.slice(base.length + 1) : undefined;
    if (inside !== undefined && lock.projects.has(inside)) return true;
  }
  return false;
}
