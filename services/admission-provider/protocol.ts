// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../../lib/errors/errors.ts';

/** Version of Gatekeeper's external data protocol, of requests and answers. */
export const PROTOCOL_VERSION = 'externaldata.gatekeeper.sh/v1beta1';

export const MAX_BODY_BYTES = 1024 * 1024;
const MAX_KEYS = 1000;

/** Fields that are not known are left out and not refused: a newer Gatekeeper may send more, and nothing more can make a key mean another image. */
const ProviderRequest = z.object({
  apiVersion: z.literal(PROTOCOL_VERSION, `must be ${PROTOCOL_VERSION}`),
  kind: z.literal('ProviderRequest', 'must be ProviderRequest'),
  // Gatekeeper leaves an empty list out.
  request: z.object({ keys: z.array(z.string()).max(MAX_KEYS, `must be at most ${MAX_KEYS}`).default([]) }),
});

/** The answer about one key: a value that the policy looks at, or the reason why there never will be one. */
export type Item = { key: string; value: unknown } | { key: string; error: string };

export type ProviderResponse = {
  apiVersion: typeof PROTOCOL_VERSION;
  kind: 'ProviderResponse';
  response: { idempotent: true; items: readonly Item[]; systemError: string };
};

/** The keys of a ProviderRequest, each once, in the order of their coming. Throws input REQUEST_INVALID. */
export function parseProviderRequest(body: Uint8Array): string[] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw inputError('REQUEST_INVALID', 'the request is not JSON in UTF-8');
  }
  const parsed = ProviderRequest.safeParse(json);
  if (parsed.success) return [...new Set(parsed.data.request.keys)];
  const [issue] = parsed.error.issues;
  throw inputError('REQUEST_INVALID', `the request is not a ProviderRequest: ${issue?.path.join('.') || 'the body'}: ${issue?.message}`);
}

/** An answer with an item a key. */
export function answered(items: readonly Item[]): ProviderResponse {
  return { apiVersion: PROTOCOL_VERSION, kind: 'ProviderResponse', response: { idempotent: true, items, systemError: '' } };
}

/** An answer about nothing. It holds no item, because Gatekeeper keeps every item for minutes whatever stands beside it. */
export function faulted(systemError: string): ProviderResponse {
  return { apiVersion: PROTOCOL_VERSION, kind: 'ProviderResponse', response: { idempotent: true, items: [], systemError } };
}
