// SPDX-License-Identifier: Apache-2.0
import { transform } from 'esbuild';
import { parseAllDocuments } from 'yaml';

/** A small wrong change to the product, and the tests that have to notice it. Paths are below the root of the project, with `/`. */
export type Mutant = {
  id: string;
  file: string;
  /** Text that stands in the file exactly once. */
  find: string;
  replace: string;
  /** What an attacker or a bug would gain if the product were like this. */
  gain: string;
  /** Vitest files, of which at least one test has to fail. */
  tests: readonly string[];
  /** The suite (`test/<name>`) whose real peers the tests need; left out where they need Node alone. */
  peers?: 'gate';
};

/** Why the mutant cannot be made of this text, undefined when it can: the text to find has to stand there exactly once. */
export function staleness({ id, file, find, replace }: Mutant, text: string): string | undefined {
  if (find === replace) return `mutant ${id} changes nothing`;
  const count = text.split(find).length - 1;
  if (count === 1) return undefined;
  return `mutant ${id} is stale: its text stands ${count === 0 ? 'no longer' : `${count} times`} in ${file}`;
}

/** The text with the mutation. Throws an Error that names a stale mutant. */
export function mutate(mutant: Mutant, text: string): string {
  const problem = staleness(mutant, text);
  if (problem !== undefined) throw new Error(problem);
  return text.replace(mutant.find, () => mutant.replace);
}

/** Throws an Error when a TypeScript or YAML file is no longer one; what cannot even be read proves nothing about tests. */
export async function assertReadable(file: string, text: string): Promise<void> {
  if (file.endsWith('.ts')) await transform(text, { loader: 'ts' });
  const problem = file.endsWith('.yaml') ? parseAllDocuments(text).flatMap(({ errors }) => errors)[0] : undefined;
  if (problem) throw problem;
}
