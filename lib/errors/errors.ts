// SPDX-License-Identifier: Apache-2.0

/** What went wrong in terms of who has to act; decides the exit code. */
export type ErrorKind = 'denied' | 'input' | 'bug' | 'transient' | 'refused';

/** Exit code by outcome. 6x and 7x are sysexits(3) values; 20 is ours for "the step worked and the answer is no". */
export const EXIT_CODE = { ok: 0, denied: 20, input: 64, bug: 70, transient: 75, refused: 77 } as const satisfies Record<ErrorKind | 'ok', number>;

export type ErrorDetails = { hint?: string; cause?: unknown };

/** The one error class of the suite: `message` says what failed on which object, `hint` what the reader can change. */
export class StepError extends Error {
  readonly kind: ErrorKind;
  /** Stable, documented identifier such as `REGISTRY_DENIED`. */
  readonly code: string;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, code: string, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'StepError';
    this.kind = kind;
    this.code = code;
    this.hint = details.hint;
  }
}

/** A param, workspace or file content is wrong; nothing was sent anywhere. */
export function inputError(code: string, message: string, details?: ErrorDetails): StepError {
  return new StepError('input', code, message, details);
}

/** The step worked and the answer is no: unsigned, forged, against the policy. */
export function deniedError(code: string, message: string, details?: ErrorDetails): StepError {
  return new StepError('denied', code, message, details);
}

/** A remote said no for good (401, 403, 404, 422). */
export function refusedError(code: string, message: string, details?: ErrorDetails): StepError {
  return new StepError('refused', code, message, details);
}

/** A remote could not be reached or was overloaded until the retry budget ran out. */
export function transientError(code: string, message: string, details?: ErrorDetails): StepError {
  return new StepError('transient', code, message, details);
}

/** A state that the code rules out. */
export function bugError(code: string, message: string, details?: ErrorDetails): StepError {
  return new StepError('bug', code, message, details);
}

/** The error itself when it is a StepError, anything else as a bug with its cause kept. */
export function asStepError(error: unknown): StepError {
  if (error instanceof StepError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return bugError('UNEXPECTED', message, { cause: error });
}
