// SPDX-License-Identifier: Apache-2.0
// Stands in for images/evaluator in unit tests.
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** A program that answers each request by the body of a function of `asked` (the request), `args` and `count` (1 at the first request); gives its path. */
export async function fakeEvaluator(body: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'evaluator-')), 'evaluator.cjs');
  const script = `#!${process.execPath}
let count = 0;
const args = process.argv.slice(2);
const answer = (asked) => { ${body} };
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  count += 1;
  console.log(JSON.stringify(answer(JSON.parse(line))));
});
`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

/** Answers a review with one Constraint and, for an object of a manifest, a violation. */
export const ONE_VIOLATION = `return {
  objects: [{ file: asked.files.at(-1).name, apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'image' }],
  constraints: [{ kind: 'Signed', name: 'all', actions: ['deny'] }],
  violations: [{ object: 0, kind: 'Signed', name: 'all', message: 'not\\nsigned', action: 'deny' }],
};`;
