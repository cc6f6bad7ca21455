// SPDX-License-Identifier: Apache-2.0
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

test('gives files that need nothing beside them', async () => {
  putPackage('licensed', '/*! licensed by someone */\nexports.name = "licensed";\n');
  put(
    'tasks/x/main.ts',
    "import { name } from 'licensed';\nimport manifest from '../../package.json' with { type: 'json' };\nexport const text: string = [name, manifest.version].join(' ');\n",
  );
  const { path, bytes, gzipBytes } = await bundleTask(root, 'x', { write: true });
  expect(readdirSync(join(root, 'dist')).sort()).toEqual(['x.cjs', 'x.cjs.LEGAL.txt', 'x.meta.json', 'x.packages', 'x.parts']);
  expect(readdirSync(join(root, 'dist/x.parts'))).toEqual([]);
  rmSync(join(root, 'node_modules'), { recursive: true });
  expect(createRequire(import.meta.url)(join(root, path))).toMatchObject({ text: 'licensed 1.2.3' });
  expect(gzipBytes).toBeGreaterThan(0);
  expect(bytes).toBeGreaterThan(gzipBytes);
});

describe('parts', () => {
  const STATE = 'export class Shared extends Error {}\nexport const seen: string[] = [];\nexport const load = (): void => void seen.push("shared");\n';
  const MAIN = "import { Shared, load, seen } from '../../lib/state.ts';\nload();\nexport { Shared, seen };\nexport const late = () => import('./run.ts');\n";
  const RUN =
    "import { Shared, seen } from '../../lib/state.ts';\nimport { heavy } from 'heavy';\nseen.push(heavy);\nexport const thrown = new Shared('from run');\n";

  function putTask(): void {
    putPackage('heavy', '/*! heavy licence */\nexports.heavy = "heavy" + require("node:path").sep;\n');
    put('lib/state.ts', STATE);
    put('tasks/x/main.ts', MAIN);
    put('tasks/x/run.ts', RUN);
  }

  test('what is imported late is in a file of its own, read only then, and shares its modules with the rest', async () => {
    putTask();
    const { path } = await bundleTask(root, 'x', { write: true });
    const text = (file: string): string => readFileSync(join(root, 'dist', file), 'utf8');
    const parts = readdirSync(join(root, 'dist/x.parts')).sort();
    expect(parts).toEqual([/^chunk-\w{8}\.cjs$/, /^run-\w{8}\.cjs$/, /^run-\w{8}\.cjs\.LEGAL\.txt$/].map((name) => expect.stringMatching(name)));
    expect(text('x.cjs')).not.toContain('heavy');
    expect(text(join('x.parts', parts[1] ?? ''))).toContain('heavy');
    rmSync(join(root, 'node_modules'), { recursive: true });
    const { seen, late, Shared } = createRequire(import.meta.url)(join(root, path)) as {
      seen: string[];
      late: () => Promise<{ thrown: Error }>;
      Shared: never;
    };
    expect(seen).toEqual(['shared']);
    expect((await late()).thrown).toBeInstanceOf(Shared);
    expect(seen).toEqual(['shared', 'heavy/']);
  });

  test('have the same names and bytes from build to build and place to place, and those of an earlier build are gone', async () => {
    putTask();
    await bundleTask(root, 'x', { write: true });
    const first = filesOf(root);
    put('tasks/x/run.ts', `${RUN}export const more = 1;\n`);
    await bundleTask(root, 'x', { write: true });
    const second = filesOf(root);
    const elsewhere = join(root, 'elsewhere');
    for (const folder of ['lib', 'tasks', 'node_modules']) cpSync(join(root, folder), join(elsewhere, folder), { recursive: true });
    await bundleTask(elsewhere, 'x', { write: true });
    expect(filesOf(elsewhere)).toEqual(second);
    expect(Object.keys(second)).toHaveLength(Object.keys(first).length);
    expect(Object.keys(second)).not.toEqual(Object.keys(first));
  });

  test('cannot be a package', async () => {
    putPackage('heavy', 'exports.heavy = 1;\n');
    put('tasks/x/main.ts', "export const late = () => import('heavy');\n");
    await expect(bundleTask(root, 'x', { write: true })).rejects.toThrow('node_modules/heavy/main.js is loaded by import()');
    expect(readdirSync(root)).not.toContain('dist');
  });

  function filesOf(project: string): Record<string, string> {
    const dist = join(project, 'dist');
    const names = [
      'x.cjs',
      'x.meta.json',
      ...readdirSync(join(dist, 'x.parts'))
        .sort()
        .map((name) => join('x.parts', name)),
    ];
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(dist, name), 'utf8')]));
  }
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
