// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import type { FactSource } from './gatekeeper.ts';

/** By key: the value or the error of its item, or what is wrong with the whole answer. The same file serves as answers.json of the admission policies. */
const RecordedFacts = z.record(
  z.string(),
  z.union([z.strictObject({ value: z.unknown() }), z.strictObject({ error: z.string().min(1) }), z.strictObject({ fault: z.string().min(1) })]),
);

/**
 * Answers every provider by heart from a JSON file: `{"KEY": {"value": …} | {"error": "…"} | {"fault": "…"}}`. A key `NAMESPACE|IMAGE` of the admission policies may stand there without its namespace. A key that it does not hold is unanswered, and a fault is one of the answer as a whole.
 * Throws input EXTERNAL_DATA_INVALID.
 */
export function recordedFacts(bytes: Uint8Array, what: string): FactSource {
  const known = new Map(Object.entries(parse(bytes, what)));
  return async (provider, keys) =>
    keys.map((key) => {
      const entry = known.get(key) ?? known.get(key.slice(key.indexOf('|') + 1));
      if (entry === undefined) return { provider, key, items: [] };
      return 'fault' in entry ? { provider, key, items: [], systemError: entry.fault } : { provider, key, items: [entry] };
    });
}

function parse(bytes: Uint8Array, what: string): z.output<typeof RecordedFacts> {
  try {
    return RecordedFacts.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? `: ${cause.issues[0]?.path.join('.')}: ${cause.issues[0]?.message}` : '';
    throw inputError('EXTERNAL_DATA_INVALID', `${what} does not hold recorded answers${issue}`, {
      hint: 'write {"KEY": {"value": …}}, or {"error": "…"} or {"fault": "…"} in place of the value',
      cause,
    });
  }
}
