// SPDX-License-Identifier: Apache-2.0
import { deniedError, transientError } from '../../lib/errors/errors.ts';
import type { Registry } from '../../lib/registry/client.ts';

export type Guard = {
  /** Milliseconds until the whole judgement is given up. */
  limitMs: number;
  /** All blobs together. */
  maxBytes: number;
  signal: AbortSignal;
};

/**
 * The registry for one judgement: somebody who may deploy an image chooses the registry that is asked, so time and bytes are limited whatever that registry does.
 * Throws transient JUDGEMENT_TOO_LONG when the time is up, denied EVIDENCE_TOO_LARGE for a blob that is too large (the piece of evidence is then rejected, and counts for nothing).
 */
export function guardedRegistry(registry: Registry, { maxBytes, signal, limitMs }: Guard): Registry {
  let left = maxBytes;
  const tooLong = (): Error =>
    transientError('JUDGEMENT_TOO_LONG', `the registry did not give all evidence within ${limitMs / 1000} s`, {
      hint: 'look at the registry; try again',
    });
  const bounded = <T>(work: () => Promise<T>): Promise<T> => raceSignal(work, signal, tooLong);
  return {
    ...registry,
    resolve: (ref) => bounded(() => registry.resolve(ref)),
    manifest: (ref) => bounded(() => registry.manifest(ref)),
    referrers: (subject, filter) => bounded(() => registry.referrers(subject, filter)),
    async *blob(ref, descriptor) {
      if (descriptor.size > left)
        throw deniedError(
          'EVIDENCE_TOO_LARGE',
          `${descriptor.digest} has ${descriptor.size} bytes, and only ${left} of ${maxBytes} are left for the evidence of one image at admission`,
        );
      left -= descriptor.size;
      const chunks = registry.blob(ref, descriptor)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { value, done } = await bounded(() => chunks.next());
          if (done) return;
          yield value;
        }
      } finally {
        // Not waited for: a registry that keeps silent would be waited for here, too.
        void chunks.return?.(undefined).catch(() => {});
      }
    },
  };
}

async function raceSignal<T>(work: () => Promise<T>, signal: AbortSignal, failure: () => Error): Promise<T> {
  if (signal.aborted) throw failure();
  let stop = (): void => {};
  const ended = new Promise<never>((_, reject) => {
    stop = () => reject(failure());
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work(), ended]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
