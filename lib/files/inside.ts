// SPDX-License-Identifier: Apache-2.0
import { realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { inputError } from '../errors/errors.ts';

const MAX_PATH = 4096;

/**
 * `root` joined with a foreign relative path that stays under it. Purely lexical: absolute paths, `..` in any place,
 * backslashes, NUL and more than 4096 characters are refused. Throws input PATH_OUTSIDE. See `realInside` for links.
 */
export function joinInside(root: string, path: string): string {
  const parts = path.split('/');
  const wrong = path === '' || path.length > MAX_PATH || isAbsolute(path) || /[\\\0]/.test(path) || parts.includes('..');
  if (wrong) throw outside(path);
  return join(root, path);
}

/**
 * The real path of an existing file under `root`, all links followed; throws input PATH_OUTSIDE when a link leads out
 * of `root`, FILE_MISSING when there is none.
 */
export async function realInside(root: string, path: string): Promise<string> {
  const joined = joinInside(root, path);
  const realRoot = await realpath(resolve(root));
  const real = await realpath(joined).catch((cause: unknown) => {
    throw inputError('FILE_MISSING', `${printable(path)} does not exist under ${root}`, { cause });
  });
  const step = relative(realRoot, real);
  if (step === '..' || step.startsWith(`..${sep}`) || isAbsolute(step)) throw outside(path);
  return real;
}

function outside(path: string): Error {
  return inputError('PATH_OUTSIDE', `the path ${printable(path)} does not stay inside its folder`, { hint: 'use a relative path without ".."' });
}

function printable(path: string): string {
  return JSON.stringify(path.slice(0, 200));
}
