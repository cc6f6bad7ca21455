// SPDX-License-Identifier: Apache-2.0
import { refusedError, StepError } from '../errors/errors.ts';
import type { StoredOccurrence } from './occurrence.ts';
import type { Wire } from './wire.ts';

/** Reads one page; `patient` says whether to try for long. */
export type PageReader = (query: URLSearchParams, patient: boolean) => Promise<{ items: Wire[]; next: string }>;

/** Behind its gateway the reference server cannot give more than 4 MiB, whatever the page size, and then answers 429 every time; attestations can be large. */
const PAGE_SIZES = [200, 5, 1] as const;
const MAX_LISTED = 200_000;

/**
 * All occurrences behind a listing, each once. The page size is always sent (v0.1.0 gives an empty page without one) and is made smaller where the server
 * cannot give that many. Ends at a missing token, at an empty page, and at a token that was there before: v0.1.0 gives one for ever.
 * Throws refused GRAFEAS_TOO_MANY after 200,000, and what `read` throws.
 */
export async function* listPages(read: PageReader, filter: string | undefined, toStored: (wire: Wire) => StoredOccurrence): AsyncGenerator<StoredOccurrence> {
  const names = new Set<string>();
  const tokens = new Set<string>();
  let token = '';
  let level = 0;
  for (;;) {
    const page = await readShrinking(read, { token, filter, level: Math.max(0, level - 1) });
    level = page.level;
    for (const wire of page.items) {
      const stored = toStored(wire);
      if (names.has(stored.name)) continue;
      names.add(stored.name);
      if (names.size > MAX_LISTED) throw tooMany();
      yield stored;
    }
    if (page.next === '' || page.items.length === 0 || tokens.has(page.next)) return;
    tokens.add(page.next);
    token = page.next;
  }
}

type Place = { token: string; filter: string | undefined; level: number };

/** Only the smallest page is waited for: a 429 for a larger one may mean its size, and repeating it would bring the same again. */
async function readShrinking(read: PageReader, place: Place): Promise<{ items: Wire[]; next: string; level: number }> {
  let { level } = place;
  let patient = false;
  for (;;) {
    const size = PAGE_SIZES[level] ?? 1;
    const query = new URLSearchParams({
      pageSize: String(size),
      ...(place.token !== '' && { pageToken: place.token }),
      ...(place.filter !== undefined && { filter: place.filter }),
    });
    const last = level === PAGE_SIZES.length - 1;
    try {
      return { ...(await read(query, patient || last)), level };
    } catch (error) {
      if (!(error instanceof StepError) || error.kind !== 'transient' || error.code === 'ABORTED' || patient || last) throw error;
      if (error.code === 'HTTP_THROTTLED') level += 1;
      else patient = true;
    }
  }
}

function tooMany(): StepError {
  return refusedError('GRAFEAS_TOO_MANY', `the listing holds more than ${MAX_LISTED} occurrences`, {
    hint: 'use a project of its own for each team, or a note-id of its own',
  });
}
