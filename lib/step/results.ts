// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { bugError } from '../errors/errors.ts';
import { resultVariable } from '../spec/spec.ts';

/** Tekton gives all results of a Task about 4 KB together (docs/tasks.md, "Emitting Results"); digests and references stay far below this. */
const MAX_RESULT_BYTES = 1024;

/** Writes a result to the file that the Task's env names for it, verbatim and without a trailing line break. Outside Tekton, where no file is named, nothing is written. */
export async function writeResult(env: Readonly<Record<string, string | undefined>>, name: string, value: string): Promise<void> {
  const path = env[resultVariable(name)];
  if (!path) return;
  if (Buffer.byteLength(value) > MAX_RESULT_BYTES)
    throw bugError('RESULT_TOO_LARGE', `result ${name} has ${Buffer.byteLength(value)} bytes, more than ${MAX_RESULT_BYTES}`);
  await writeFile(path, value);
}
