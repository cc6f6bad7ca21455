// SPDX-License-Identifier: Apache-2.0
import { asStepError } from '../../lib/errors/errors.ts';
import { oneLine } from '../../lib/log/log.ts';
import { scrub } from '../../lib/log/redact.ts';
import type { Said } from './judging.ts';
import { imageOf } from './key.ts';
import { answered, faulted, type Item, type ProviderResponse } from './protocol.ts';

export type AnswerOptions = {
  /** Milliseconds after which an answer of ours must be out, before Gatekeeper and the API server give up and say nothing of use. */
  deadlineMs: number;
  onFault: (code: string) => void;
};

const SHOWN = 5;
const MAX_TEXT = 400;

type Outcome<T> = { key: string; said: Said<T> } | { key: string; fault: string };

/**
 * Answers all keys at once, in their order. One key that cannot be answered for now makes the whole an answer without items: an object is admitted or denied as a whole,
 * and what is not kept by Gatekeeper can be asked again at once. Never throws; work that the deadline overtakes goes on, so that the next asking finds it done.
 */
export async function answerKeys<T>(keys: readonly string[], say: (key: string) => Promise<Said<T>>, options: AnswerOptions): Promise<ProviderResponse> {
  const pending = new Set(keys);
  const outcomes = Promise.all(
    keys.map(async (key): Promise<Outcome<T>> => {
      try {
        return { key, said: await say(key) };
      } catch (thrown) {
        const error = asStepError(thrown);
        options.onFault(error.code);
        return { key, fault: `${error.code}: ${error.message}` };
      } finally {
        pending.delete(key);
      }
    }),
  );
  const done = await within(outcomes, options.deadlineMs);
  if (done === undefined) {
    options.onFault('DEADLINE');
    return faulted(
      `DEADLINE: no verdict within ${options.deadlineMs / 1000} s about ${listed([...pending].map(imageOf))}; it is still being judged, so try again`,
    );
  }
  const faults = done.flatMap((outcome) => ('fault' in outcome ? [`${shown(imageOf(outcome.key))}: ${shown(outcome.fault)}`] : []));
  if (faults.length > 0) return faulted(listed(faults, '; '));
  return answered(done.flatMap((outcome): Item[] => ('said' in outcome ? [{ key: outcome.key, ...outcome.said }] : [])));
}

async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function listed(texts: readonly string[], separator = ', '): string {
  const more = texts.length > SHOWN ? [`and ${texts.length - SHOWN} more`] : [];
  return [...texts.slice(0, SHOWN).map(shown), ...more].join(separator);
}

function shown(text: string): string {
  const line = scrub(oneLine(text));
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 1)}…`;
}
