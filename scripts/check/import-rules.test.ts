// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { chainTo, type Import, type ImportGraph, readImportGraph, typeImports } from './import-graph.ts';
import { IMPORT_RULES, importProblems } from './import-rules.ts';

const own = (path: string): Import => ({ path, external: false });
const foreign = (path: string): Import => ({ path, external: true });
const graphOf = (edges: Record<string, Import[]>): ImportGraph => new Map(Object.entries(edges));
const context = {
  dependencies: new Set(['zod', 'yaml', 'yargs', '@sigstore/verify', 'tar-stream', '@cyclonedx/cyclonedx-library', '@noble/ciphers', 'smol-toml']),
};
const problems = (edges: Record<string, Import[]>) => importProblems(graphOf(edges), ['tasks/sign/main.ts'], context);

test('imports that go down break no rule', () => {
  const edges = {
    'tasks/sign/main.ts': [own('tasks/sign/spec.ts'), own('lib/step/step.ts')],
    'tasks/sign/spec.ts': [own('lib/spec/spec.ts'), own('tasks/sign/params.ts'), foreign('zod')],
    'tasks/sign/params.ts': [own('lib/reference/digest.ts'), foreign('zod')],
    'lib/step/step.ts': [own('lib/evidence/collect.ts'), own('package.json'), foreign('node:fs')],
    'lib/evidence/collect.ts': [own('lib/policy/rule.ts'), own('lib/sigstore/verify.ts')],
    'lib/sigstore/verify.ts': [foreign('@sigstore/verify'), foreign('node:crypto')],
    'cli/main.ts': [foreign('yargs'), foreign('yaml'), own('tasks/sign/spec.ts')],
    'lib/registry/test-bench.ts': [own('cli/services/registry/registry.ts'), own('lib/step/step.ts')],
    'scripts/check/main.ts': [own('scripts/tasks.ts'), foreign('esbuild')],
  };
  expect(problems(edges)).toEqual([]);
});

const bad: readonly (readonly [rule: string, from: string, target: Import])[] = [
  ['layers', 'lib/http/http.ts', own('lib/registry/client.ts')],
  ['layers', 'lib/evidence/collect.ts', own('lib/step/step.ts')],
  ['lib-below-all', 'lib/step/step.ts', own('tasks/sign/run.ts')],
  ['lib-below-all', 'lib/registry/client.ts', own('cli/services/registry.ts')],
  ['known-room', 'cli/main.ts', own('lib/magic/wand.ts')],
  ['tasks-apart', 'tasks/sign/run.ts', own('tasks/log/run.ts')],
  ['spec-pure', 'tasks/sign/spec.ts', own('lib/http/http.ts')],
  ['spec-pure', 'tasks/sign/spec.ts', foreign('node:fs')],
  ['spec-pure', 'tasks/sign/spec.ts', own('tasks/sign/run.ts')],
  ['spec-pure', 'tasks/sign/params.ts', own('tasks/sign/run.ts')],
  ['spec-pure', 'tasks/sign/params.ts', foreign('yaml')],
  ['pure-layer', 'lib/intoto/statement.ts', foreign('node:fs/promises')],
  ['product-alone', 'lib/step/step.ts', own('scripts/tasks.ts')],
  ['product-alone', 'cli/main.ts', own('test/step/server.ts')],
  ['product-alone', 'lib/registry/client.ts', own('lib/registry/test-bench.ts')],
  ['one-door', 'tasks/sign/run.ts', foreign('@sigstore/verify')],
  ['one-door', 'lib/policy/rule.ts', foreign('tar-stream')],
  ['one-door', 'lib/step/main.ts', foreign('yargs/helpers')],
  ['one-door', 'tasks/sign/run.ts', foreign('isomorphic-git')],
  ['declared', 'lib/http/http.ts', foreign('got')],
  ['declared', 'lib/sbom/schema.ts', foreign('ajv/dist/2020.js')],
];

test.each(bad)('%s finds %s importing %o', (rule, from, target) => {
  expect(problems({ [from]: [target] }).join('\n')).toContain(`${rule}: ${from} → ${target.path}`);
});

test('every rule has a bad example', () => {
  expect(IMPORT_RULES.map(({ id }) => id).filter((id) => !bad.some(([rule]) => rule === id))).toEqual([]);
});

test('the way from the entry to the import is told', () => {
  const edges = {
    'tasks/sign/main.ts': [own('lib/step/step.ts')],
    'lib/step/step.ts': [own('lib/log/log.ts')],
    'lib/log/log.ts': [own('lib/http/http.ts'), own('lib/kube/client.ts')],
  };
  expect(problems(edges)).toEqual([
    expect.stringMatching(/^layers: tasks\/sign\/main\.ts → lib\/step\/step\.ts → lib\/log\/log\.ts → lib\/kube\/client\.ts\n/),
  ]);
});

test('rooms in a circle are told once', () => {
  const edges = { 'lib/evidence/a.ts': [own('lib/policy/b.ts')], 'lib/policy/b.ts': [own('lib/sbom/c.ts')], 'lib/sbom/c.ts': [own('lib/evidence/a.ts')] };
  expect(problems(edges)).toEqual([expect.stringMatching(/^no-cycles: lib\/evidence → lib\/policy → lib\/sbom → lib\/evidence\n/)]);
});

test('a file that no entry reaches is its own chain', () => {
  expect(chainTo(graphOf({}), ['tasks/sign/main.ts'], 'lib/log/log.ts')).toEqual(['lib/log/log.ts']);
});

test('type imports count, also over several lines', () => {
  const source =
    "import type { A } from '../log/log.ts';\nimport type {\n  B,\n} from 'zod';\nexport type { C } from './c.ts';\nimport { D } from './d.ts';\ntype E = 'from';\n";
  expect(typeImports('lib/http/http.ts', source)).toEqual([own('lib/log/log.ts'), foreign('zod'), own('lib/http/c.ts')]);
});

test('the graph of real files holds values, types, packages and Node modules', async () => {
  const root = mkdtempSync(join(tmpdir(), 'imports-'));
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  put(
    'lib/a.ts',
    "import { readFileSync } from 'node:fs';\nimport * as z from 'zod';\nimport type { B } from './b.ts';\nimport { c } from './c.ts';\nconsole.log(readFileSync, z, c, {} as B);\n",
  );
  put('lib/b.ts', 'export type B = string;\n');
  put('lib/c.ts', 'export const c = 1;\n');
  try {
    const graph = await readImportGraph(root, ['lib/a.ts']);
    expect(graph.get('lib/a.ts')).toEqual([foreign('node:fs'), foreign('zod'), own('lib/c.ts'), own('lib/b.ts')]);
    await expect(readImportGraph(root, ['lib/missing.ts'])).rejects.toThrow('lib/missing.ts');
  } finally {
    rmSync(root, { recursive: true });
  }
});
