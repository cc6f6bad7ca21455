// SPDX-License-Identifier: Apache-2.0
import { readdir, stat } from 'node:fs/promises';
import { extname, join, posix } from 'node:path';
import { inputError } from '../errors/errors.ts';
import { readBounded } from '../files/bounded-read.ts';
import { realInside } from '../files/inside.ts';
import type { PolicyFile } from './protocol.ts';

/** Those that gator reads. */
const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);
const MAX_DEPTH = 12;
const MAX_FILES = 5000;
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_BYTES = 32 * 1024 * 1024;

type Walk = { root: string; files: PolicyFile[]; bytes: number; what: string };

/**
 * The YAML and JSON files below `path` in `root`, in the order in which gator reads them (by name, folder by folder). `what` says in messages what the folder is for.
 * A link counts when it stays in `root`; entries whose name starts with `..` do not, since they are the other face of what a mounted ConfigMap shows.
 * Throws input GATEKEEPER_FILES_INVALID (none, too many, too large, nested too deep), FILE_MISSING, FILE_UNREADABLE and PATH_OUTSIDE.
 */
export async function readPolicyFolder(root: string, path: string, what: string): Promise<PolicyFile[]> {
  const walk: Walk = { root, files: [], bytes: 0, what };
  const start = path === '' ? '.' : posix.normalize(path);
  await realInside(root, start);
  await walkInto(walk, start, '', 0);
  if (walk.files.length === 0) throw invalid(walk, 'holds no file whose name ends in .yaml, .yml or .json');
  return walk.files;
}

async function walkInto(walk: Walk, folder: string, name: string, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw invalid(walk, `is nested deeper than ${MAX_DEPTH} folders`);
  const place = await realInside(walk.root, join(folder, name));
  const names = await readdir(place).catch((cause: unknown) => {
    throw inputError('FILE_UNREADABLE', `the ${walk.what} ${JSON.stringify(join(folder, name))} is no folder that can be read`, { cause });
  });
  for (const entry of names.filter((one) => !one.startsWith('..')).sort()) {
    const below = posix.join(name, entry);
    const real = await realInside(walk.root, join(folder, below));
    if ((await stat(real)).isDirectory()) await walkInto(walk, folder, below, depth + 1);
    else if (EXTENSIONS.has(extname(entry))) await addFile(walk, real, below);
  }
}

async function addFile(walk: Walk, real: string, name: string): Promise<void> {
  const bytes = await readBounded(real, MAX_FILE_BYTES, `the file of ${walk.what}`);
  walk.bytes += bytes.length;
  walk.files.push({ name, text: bytes.toString('utf8') });
  if (walk.files.length > MAX_FILES) throw invalid(walk, `holds more than ${MAX_FILES} files`);
  if (walk.bytes > MAX_BYTES) throw invalid(walk, `holds more than ${MAX_BYTES / 1024 / 1024} MiB`);
}

function invalid({ what }: Walk, why: string): Error {
  return inputError('GATEKEEPER_FILES_INVALID', `the folder of ${what} ${why}`);
}
