// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { asStepError, EXIT_CODE } from '../errors/errors.ts';

const MAX_CAUSES = 5;

/**
 * How a command line ends with an error: message, hint, what was behind it, and for a bug the stack, on standard error; the exit code of its kind is set.
 * Anything that is no StepError counts as a bug.
 */
export function tellFailure(thrown: unknown): void {
  const error = asStepError(thrown);
  console.error(`error: ${error.message}${error.hint ? `\nhint: ${error.hint}` : ''}`);
  let cause = error.cause;
  for (let depth = 0; cause instanceof Error && depth < MAX_CAUSES; depth++) {
    console.error(`because: ${cause.message}`);
    cause = cause.cause;
  }
  if (error.kind === 'bug') console.error(error.cause instanceof Error ? error.cause.stack : error.stack);
  process.exitCode = EXIT_CODE[error.kind];
}
