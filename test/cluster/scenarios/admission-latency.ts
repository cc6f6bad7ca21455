// SPDX-License-Identifier: Apache-2.0
import { create } from './admission-objects.ts';
import type { ApiClient, ApiObject } from './api-client.ts';

const TIMES = 20;
const WARM_UP = 3;

/** Median milliseconds of dry-run creates, one after another over one connection. `make` gives the object of each. Throws when one is not admitted. */
export async function medianAdmission(api: ApiClient, make: () => ApiObject): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < WARM_UP + TIMES; at++) {
    const object = make();
    const started = performance.now();
    const { status, message } = await create(api, object, { isDry: true });
    if (status !== 201) throw new Error(`${object.metadata.name} is not admitted: ${message}`);
    if (at >= WARM_UP) times.push(performance.now() - started);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return ((sorted[TIMES / 2 - 1] ?? 0) + (sorted[TIMES / 2] ?? 0)) / 2;
}
