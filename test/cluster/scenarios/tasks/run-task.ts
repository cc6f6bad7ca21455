// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { asStepError, EXIT_CODE, inputError } from '../../../../lib/errors/errors.ts';
import { createHttp, type Http } from '../../../../lib/http/http.ts';
import { createLogger, type Logger } from '../../../../lib/log/log.ts';

/** What a Task of the tests works with; `input` is a variable of its pod, set in its manifest. */
export type TaskDeps = { http: Http; log: Logger; input: (name: string) => string };

/** Runs the work, writes its results to the files that `RESULT_<NAME>` name, and ends the process as a step of the suite does. */
export async function runTask(work: (deps: TaskDeps) => Promise<Record<string, string>>): Promise<void> {
  const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
  const http = createHttp({ log });
  try {
    const results = await work({ http, log, input });
    for (const [name, value] of Object.entries(results)) await writeFile(input(`RESULT_${name}`), value);
  } catch (thrown) {
    const error = asStepError(thrown);
    log.error(error.message, { code: error.code });
    process.exitCode = EXIT_CODE[error.kind];
  } finally {
    http.close();
  }
}

function input(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw inputError('VARIABLE_MISSING', `the variable ${name} is not set`);
  return value;
}
