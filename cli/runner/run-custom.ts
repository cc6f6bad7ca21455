// SPDX-License-Identifier: Apache-2.0
import { asStepError } from '../../lib/errors/errors.ts';
import type { CustomRunEnd, CustomRunInput, CustomTask } from './custom-task.ts';
import type { TaskRunEnd } from './run-task.ts';

/**
 * Has a custom task run to its end with what `prepare` gives; `kill` ends the wait at once, as nothing else can stop it. Never rejects: an error is a failed CustomRun.
 * There are no attempts here: `retries` and `timeout` are the custom task's own (TEP-0121, TEP-0114).
 */
export async function runCustom(
  custom: CustomTask | undefined,
  prepare: () => Promise<CustomRunInput>,
  kill: AbortSignal,
): Promise<TaskRunEnd & Pick<CustomRunEnd, 'retries' | 'extraFields'>> {
  const { promise: killed, resolve } = Promise.withResolvers<CustomRunEnd>();
  const onKill = () => resolve({ state: 'Cancelled', reason: 'CustomRunCancelled', message: 'stopped at once', results: {} });
  kill.addEventListener('abort', onKill);
  if (kill.aborted) onKill();
  try {
    if (custom === undefined) throw new Error('nothing stands in for this custom task');
    const { results, ...end } = await Promise.race([custom.run(await prepare()), killed]);
    return { ...end, steps: [], results: new Map(Object.entries(results)) };
  } catch (error) {
    return { state: 'Failed', reason: 'Failed', message: asStepError(error).message, steps: [], results: new Map() };
  } finally {
    kill.removeEventListener('abort', onKill);
  }
}
