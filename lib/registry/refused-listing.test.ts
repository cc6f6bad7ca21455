// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf } from '../http/test-server.ts';
import type { DigestReference } from '../reference/reference.ts';
import { type Bench, pushImage, startBench } from './test-bench.ts';

let bench: Bench;
let image: DigestReference;
let fault: Fault | undefined;
const refusing = ({ path }: FaultRequest): Fault | undefined => (path.includes('/referrers/') ? fault : undefined);
beforeAll(async () => {
  bench = await startBench({ faults: refusing });
  image = await pushImage(bench.client(), bench.host, 'app/web', 'one');
});
afterAll(() => bench.close());

// The registry has no fallback tag, which asked instead of the listing would say that there are no referrers.
test.each([401, 403, 409, 410, 418, 422, 451])('a listing that is refused with %i is not looked for at the fallback tag', async (status) => {
  fault = { kind: 'reply', status };
  const error = await failureOf(bench.client().referrers(image));
  expect(error.kind).toBe('refused');
});

test.each([404, 405, 406])('one that is answered with %i is', async (status) => {
  fault = { kind: 'reply', status };
  expect(await bench.client().referrers(image)).toEqual([]);
});

test.each([400, 403, 404, 405])('a rate limit that comes with %i is throttling: no absence, no refusal', async (status) => {
  fault = { kind: 'reply', status, body: '{"errors":[{"code":"TOOMANYREQUESTS","message":"later"}]}' };
  const error = await failureOf(bench.client().referrers(image));
  expect([error.kind, error.code]).toEqual(['transient', 'HTTP_THROTTLED']);
});

test.each(['{"errors":[{"code":"DENIED","message":"toomanyrequests"}]}', '{"errors":[null,7]}', '{"errors":{}}', 'null', 'toomanyrequests'])(
  'what does not say so by its code is no rate limit: %s',
  async (body) => {
    fault = { kind: 'reply', status: 403, body };
    expect((await failureOf(bench.client().referrers(image))).code).toBe('REGISTRY_DENIED');
  },
);
