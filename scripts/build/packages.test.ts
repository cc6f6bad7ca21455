// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundledPackages, writePackages } from './packages.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'packages-'));
  mkdirSync(join(root, 'dist'));
});
afterEach(() => rmSync(root, { recursive: true }));

const INPUTS = {
  'node_modules/a/lib/x.js': {},
  'node_modules/a/lib/y.js': {},
  'node_modules/@scope/b/node_modules/c/z.js': {},
  'node_modules/@scope/b/w.js': {},
  'lib/node_modules.ts': {},
  'tasks/x/main.ts': {},
} as never;

test('finds the package of every file, nested and scoped, and takes no source of the project for one', () => {
  expect(bundledPackages({ inputs: INPUTS })).toEqual(['node_modules/@scope/b', 'node_modules/@scope/b/node_modules/c', 'node_modules/a']);
});

test('keeps manifests and licence texts, and drops what an earlier build left', async () => {
  for (const path of [
    'a/package.json',
    'a/LICENSE',
    'a/license-mit.txt',
    'a/index.js',
    'a/lib/package.json',
    '@scope/b/package.json',
    '@scope/b/NOTICE',
    '@scope/b/node_modules/c/package.json',
    'unused/package.json',
  ]) {
    const file = join(root, 'node_modules', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '{}');
  }
  mkdirSync(join(root, 'dist/x.packages/gone'), { recursive: true });
  await writePackages(root, 'dist/x.packages', { inputs: INPUTS });
  const found = readdirSync(join(root, 'dist/x.packages'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(found.map(({ parentPath, name }) => join(parentPath, name).slice(join(root, 'dist/x.packages/').length)).sort()).toEqual([
    '@scope/b/NOTICE',
    '@scope/b/node_modules/c/package.json',
    '@scope/b/package.json',
    'a/LICENSE',
    'a/license-mit.txt',
    'a/package.json',
  ]);
});

test('writes an empty folder for a bundle of our own code alone, so that an image can copy it', async () => {
  await writePackages(root, 'dist/x.packages', { inputs: { 'tasks/x/main.ts': {} } as never });
  expect(readdirSync(join(root, 'dist'), { recursive: true })).toEqual(['x.packages']);
  expect(statSync(join(root, 'dist/x.packages')).mode & 0o777).toBe(0o755);
});
