// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyProject, trackedFiles } from './project-copy.ts';

let folder: string;
let root: string;
let copy: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copy-'));
  [root, copy] = [join(folder, 'root'), join(folder, 'copy')];
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

test('holds the files that it is given, and the packages by links', async () => {
  put('lib/a.ts', 'a');
  put('lib/new, with a space.ts', 'new');
  put('lib/left-out.ts', 'x');
  put('node_modules/zod/index.js', 'zod');
  put('node_modules/.bin/vitest', 'run');
  put('node_modules/.vite/results.json', '{}');

  await copyProject(root, ['lib/a.ts', 'lib/new, with a space.ts'], copy);

  expect(readdirSync(copy).sort()).toEqual(['lib', 'node_modules']);
  expect(readdirSync(join(copy, 'lib')).sort()).toEqual(['a.ts', 'new, with a space.ts']);
  expect(readdirSync(join(copy, 'node_modules')).sort()).toEqual(['.bin', 'zod']);
  expect(readlinkSync(join(copy, 'node_modules/zod'))).toBe(join(root, 'node_modules/zod'));
});

test('can be mutated and thrown away without a trace in the originals', async () => {
  put('lib/a.ts', 'a');
  put('node_modules/zod/index.js', 'zod');
  await copyProject(root, ['lib/a.ts'], copy);
  writeFileSync(join(copy, 'lib/a.ts'), 'mutated');
  mkdirSync(join(copy, 'node_modules/.vite'));
  rmSync(join(copy, 'node_modules'), { recursive: true });
  expect(readFileSync(join(root, 'lib/a.ts'), 'utf8')).toBe('a');
  expect(readdirSync(join(root, 'node_modules'))).toEqual(['zod']);
  expect(existsSync(join(root, 'node_modules/zod/index.js'))).toBe(true);
});

test('needs a checkout to know what belongs to the project', () => {
  put('lib/a.ts', 'a');
  expect(() => trackedFiles(root)).toThrow('git');
});
