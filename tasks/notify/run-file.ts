// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { realInside } from '../../lib/files/inside.ts';
import { MAX_TASKS, type RunFacts } from './facts.ts';

const MAX_FILE = 16 * 1024 * 1024;

/** The record of the laptop runner (cli/runner/run-document.ts), as far as it is read here. */
const RunDocument = z.object({
  status: z.string(),
  startTime: z.string().optional(),
  tasks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['Running', 'Succeeded', 'Failed', 'Cancelled', 'Skipped']),
      reason: z.string(),
      message: z.string().optional(),
      ignored: z.boolean().optional(),
      completionTime: z.string().optional(),
      results: z.record(z.string(), z.unknown()),
    }),
  ),
});

/** The facts in a run document of the laptop runner. Throws input RUN_FILE_INVALID, and what reading files throws. */
export async function readRunFile(folder: string, path: string): Promise<RunFacts> {
  const file = await readBounded(await realInside(folder, path), MAX_FILE, 'run document');
  let json: unknown;
  try {
    json = JSON.parse(file.toString('utf8'));
  } catch (cause) {
    throw inputError('RUN_FILE_INVALID', `the run document ${path} is not JSON`, { cause });
  }
  const parsed = RunDocument.safeParse(json);
  if (!parsed.success)
    throw inputError('RUN_FILE_INVALID', `the run document ${path} is not one of the laptop runner (at ${parsed.error.issues[0]?.path.join('.')})`);
  const { status, startTime, tasks } = parsed.data;
  return {
    cancelled: status === 'Cancelled',
    startTime,
    tasks: tasks.slice(0, MAX_TASKS).map(({ name, state, reason, message = '', ignored = false, completionTime, results }) => ({
      ...{ name, state, reason, message, ignored, completionTime },
      results: Object.fromEntries(Object.entries(results).filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    })),
  };
}
