// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { catalogFiles } from './catalog-files.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'catalog-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), '');
  }
}

test('lists StepActions before Tasks before Pipelines, samples marked', () => {
  put('pipeline/release/release.yaml', 'task/sign/samples/run.yml', 'task/sign/sign.yaml', 'stepaction/sign/sign.yaml');
  const found = catalogFiles(root).map(({ kind, name, sample }) => [kind, name, sample]);
  expect(found).toEqual([
    ['stepaction', 'stepaction/sign/sign.yaml', false],
    ['task', 'task/sign/samples/run.yml', true],
    ['task', 'task/sign/sign.yaml', false],
    ['pipeline', 'pipeline/release/release.yaml', false],
  ]);
});

test('ignores other files and other folders', () => {
  put('task/sign/README.md', 'task/sign/params.schema.json', 'install/release.yaml', 'policy/deny.yaml');
  expect(catalogFiles(root)).toEqual([]);
});

test('a catalog that is not there has no files', () => {
  expect(catalogFiles(join(root, 'missing'))).toEqual([]);
});
