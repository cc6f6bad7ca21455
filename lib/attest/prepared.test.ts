// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, it } from 'vitest';
import { refusedError } from '../errors/errors.ts';
import { type Laptop, startLaptop } from '../evidence/test-laptop.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { attest, type What } from './attest.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

const what: What = { predicateType: PREDICATE_TYPE.signature, predicate: {}, log: 'now' };

it('a repository that refuses to be written to is found out before anything is logged', async () => {
  const image = await laptop.image();
  const before = await laptop.logSize();
  const denied = refusedError('REGISTRY_DENIED', 'you may read');
  const registry = { ...laptop.registry, prepareReferrer: () => Promise.reject(denied) };
  await expect(attest({ ...laptop.context, registry }, image, laptop.key, what)).rejects.toBe(denied);
  expect(await laptop.logSize()).toBe(before);
  expect(await laptop.registry.referrers(image)).toEqual([]);
  expect(await attest(laptop.context, image, laptop.key, what)).toMatchObject({ action: 'signed' });
});
