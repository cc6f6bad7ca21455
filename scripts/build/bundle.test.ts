// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundleCli, bundleTask } from './bundle.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bundle-'));
  put('package.json', '{"version": "1.2.3"}');
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function putPackage(name: string, code: string): void {
  put(`node_modules/${name}/package.json`, `{"name": "${name}", "main": "main.js"}`);
  put(`node_modules/${name}/main.js`, code);
}

test('gives one file that needs nothing beside it', async () => {
  putPackage('licensed', '/*! licensed by someone */\nexports.name = "licensed";\n');
  put(
    'tasks/x/main.ts',
    "import { name } from 'licensed';\nimport manifest from '../../package.json' with { type: 'json' };\nexport const text: string = [name, manifest.version].join(' ');\n",
  );
  const { path, bytes, gzipBytes } = await bundleTask(root, 'x', { write: true });
  expect(readdirSync(join(root, 'dist')).sort()).toEqual(['x.cjs', 'x.cjs.LEGAL.txt', 'x.meta.json', 'x.packages']);
  rmSync(join(root, 'node_modules'), { recursive: true });
  expect(createRequire(import.meta.url)(join(root, path))).toMatchObject({ text: 'licensed 1.2.3' });
  expect(gzipBytes).toBeGreaterThan(0);
  expect(bytes).toBeGreaterThan(gzipBytes);
});

test('bundles a service from its own room', async () => {
  put('services/y/main.ts', "export const text = 'service';\n");
  const { path } = await bundleTask(root, 'y', { write: true, room: 'services' });
  expect(createRequire(import.meta.url)(join(root, path))).toMatchObject({ text: 'service' });
});

test('the bundle of the command line finds its files where they lie beside the sources, and may use CommonJS packages', async () => {
  putPackage('common', "exports.sep = require('node:path').sep;\n");
  put('cli/laptop/place.ts', "import { join } from 'node:path';\nexport const PROJECT: string = join(import.meta.dirname, '../..');\n");
  put(
    'cli/main.ts',
    "import { sep } from 'common';\nimport { PROJECT } from './laptop/place.ts';\nawait Promise.resolve();\nexport const found = [PROJECT, sep];\n",
  );
  const { path } = await bundleCli(root, { write: true });
  rmSync(join(root, 'cli'), { recursive: true });
  expect(await import(pathToFileURL(join(root, path)).href)).toMatchObject({ found: [root, '/'] });
});

test('leaves the optional packages of the CycloneDX library out, also when they are there', async () => {
  putPackage('ajv', 'exports.here = true;\n');
  putPackage('@cyclonedx/cyclonedx-library', "exports.load = () => [require('ajv'), require('libxmljs2')];\n");
  put('tasks/x/main.ts', "import { load } from '@cyclonedx/cyclonedx-library';\nconsole.log(load);\n");
  const { metafile } = await bundleTask(root, 'x', { write: false });
  const left = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external).map((one) => one.path));
  expect(left).toEqual(['ajv', 'libxmljs2']);
  expect(readdirSync(root)).not.toContain('dist');
});

test.each([
  ['a package that is not installed', "import 'not-there';\n"],
  ['an optional package of another library', "import 'libxmljs2';\n"],
  ['a file that is not there', "import './missing.ts';\n"],
])('fails on %s', async (_what, code) => {
  put('tasks/x/main.ts', code);
  await expect(bundleTask(root, 'x', { write: true })).rejects.toThrow('Could not resolve');
  expect(readdirSync(root)).not.toContain('dist');
});
