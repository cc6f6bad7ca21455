// SPDX-License-Identifier: Apache-2.0
import { posix } from 'node:path';

const MAX_LINES = 300;
const VAGUE = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'index', 'types', 'misc', 'shared']);
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config|bench))?\.ts$/;
const LICENSE_LINE = '// SPDX-License-Identifier: Apache-2.0';

/** What is wrong with a TypeScript file by its name and size; `path` is below the root, with `/`. */
export function sourceProblems(path: string, text: string): string[] {
  const name = posix.basename(path);
  const lines = text.trimEnd().split('\n').length;
  const vague = path
    .split('/')
    .map((part) => part.split('.')[0] ?? '')
    .find((part) => VAGUE.has(part));
  return [
    ...(lines > MAX_LINES ? [`${path}: has ${lines} lines, more than ${MAX_LINES}; it has found a second job`] : []),
    ...(vague === undefined ? [] : [`${path}: "${vague}" names no job; say what it does`]),
    ...(KEBAB.test(name) ? [] : [`${path}: the name is not in kebab-case`]),
    ...(text.startsWith(LICENSE_LINE) ? [] : [`${path}: the first line must be ${LICENSE_LINE}`]),
  ];
}
