// SPDX-License-Identifier: Apache-2.0
import { asStepError, type StepError, transientError } from '../../lib/errors/errors.ts';
import type { Logger } from '../../lib/log/log.ts';
import type { Judging } from './judging.ts';
import type { Material } from './material.ts';

export type PolicyStatus = {
  /** Whether keys are answered now. */
  good: boolean;
  /** Whether they ever were, since the start of the process. */
  everGood: boolean;
  problem: string;
};

/** What keys are judged by at the moment. */
export type PolicyState = {
  /** Throws transient POLICY_UNUSABLE as long as what is mounted cannot be judged by. */
  judging(): Judging;
  /** Reads everything anew; never throws. */
  reload(): Promise<void>;
  status(): PolicyStatus;
};

export type PolicyStateOptions = { read: () => Promise<Material>; open: (material: Material) => Judging; log: Logger; onError: (code: string) => void };

/**
 * Follows the mounted files. What cannot be read any more judges nothing: to go on with the last good policy would let a typo undo a key that was just taken out.
 * It is said on every reading, so that it cannot be missed in the logs.
 */
export function createPolicyState({ read, open, log, onError }: PolicyStateOptions): PolicyState {
  let current: Judging | undefined;
  let everGood = false;
  let problem: StepError = transientError('POLICY_UNUSABLE', 'the policy was not read yet');

  return {
    judging() {
      if (current !== undefined) return current;
      throw transientError('POLICY_UNUSABLE', `nothing can be judged: ${problem.message}`, { cause: problem });
    },
    async reload() {
      try {
        const material = await read();
        if (current?.revision === material.revision) return;
        current = open(material);
        everGood = true;
        const { policy, digest } = material.policy;
        log.info('judges by', { policy: policy.metadata.name, digest, revision: material.revision });
      } catch (thrown) {
        current = undefined;
        problem = asStepError(thrown);
        onError(problem.code);
        log.error('nothing is admitted: policy, keys, trusted root or credentials cannot be used', {
          code: problem.code,
          cause: problem.message,
          hint: problem.hint,
        });
      }
    },
    status: () => ({ good: current !== undefined, everGood, problem: current === undefined ? `${problem.code}: ${problem.message}` : '' }),
  };
}
