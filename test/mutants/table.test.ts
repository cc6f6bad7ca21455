// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assertReadable, mutate, staleness } from './mutant.ts';
import { MUTANTS } from './table.ts';

const root = join(import.meta.dirname, '..', '..');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

test('every id is there once, and in kebab-case', () => {
  const ids = MUTANTS.map(({ id }) => id);
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  expect(ids.filter((id) => !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(id))).toEqual([]);
});

test.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))(
  '%s is a change of a few lines to what stands now, for tests that exist',
  async (_id, mutant) => {
    expect(staleness(mutant, textOf(mutant.file))).toBeUndefined();
    await assertReadable(mutant.file, mutate(mutant, textOf(mutant.file)));
    expect(Math.max(mutant.find.split('\n').length, mutant.replace.split('\n').length)).toBeLessThanOrEqual(4);
    expect(mutant.gain).toMatch(/^[A-Z].*\.$/);
    expect(mutant.tests.length).toBeGreaterThan(0);
    const suite = mutant.peers === undefined ? /^(?!test\/)|^test\/step\// : new RegExp(`^test/${mutant.peers}/`);
    for (const path of mutant.tests) expect([path, existsSync(join(root, path)), suite.test(path)]).toEqual([path, true, true]);
  },
);

test('no room of the product is left out', () => {
  const mutated = (room: string): boolean => MUTANTS.some(({ file }) => file.startsWith(`${room}/`));
  // What they hold is pure plumbing of files and secrets, or is judged through the tasks that use it.
  const lib = ['argocd', 'artifact', 'attest', 'channels', 'errors', 'evidence', 'files', 'forge', 'git', 'grafeas', 'http', 'intoto', 'kube', 'log'];
  const more = ['policy', 'reference', 'registry', 'sbom', 'sigstore', 'spec', 'step', 'verify'];
  expect([...lib, ...more].filter((room) => !mutated(`lib/${room}`))).toEqual([]);
  expect(['tasks', 'services', 'cli', 'scripts'].filter((room) => !mutated(room))).toEqual([]);
});
