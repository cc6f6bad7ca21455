// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODE } from '../../lib/errors/errors.ts';
import type { PipelineRun } from '../runner/run-document.ts';

const CANCELLED = 130;

/** The exit code of a run: 0 when it succeeded, that of the first failed task of its order when that is one of ours, 130 when it was cancelled. */
export function exitCodeOf(run: PipelineRun): number {
  if (run.status === 'Succeeded' || run.status === 'Completed') return EXIT_CODE.ok;
  if (run.status === 'Cancelled') return CANCELLED;
  return run.tasks.find((task) => task.state === 'Failed')?.exitCode ?? 1;
}
