// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { verifiedPieces } from './evidence.ts';
import { type Laptop, startLaptop } from './test-laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterEach(() => {
  laptop.faults.registry = undefined;
});
afterAll(() => laptop.close());

describe('a referrer that is listed and gone', () => {
  it('is in the list as rejected, after the registry was asked anew, and counts for nothing', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'now');
    let listings = 0;
    laptop.faults.registry = ({ method, path }) => {
      if (path.includes('/referrers/')) listings += 1;
      return method === 'GET' && path.includes('/manifests/') ? { kind: 'reply', status: 404 } : undefined;
    };
    const evidence = await laptop.collect(image);
    expect(evidence.pieces).toMatchObject([{ kind: 'other', verification: { state: 'rejected', code: 'REFERRER_GONE' } }]);
    expect(verifiedPieces(evidence, 'signature')).toEqual([]);
    expect(listings).toBe(3);
  });

  it('is looked for again, because what replaced it is listed by then', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'now');
    let asked = 0;
    laptop.faults.registry = ({ method, path }) => {
      if (method !== 'GET' || !path.includes('/manifests/')) return undefined;
      asked += 1;
      return asked === 1 ? { kind: 'reply', status: 404 } : undefined;
    };
    expect(verifiedPieces(await laptop.collect(image), 'signature')).toHaveLength(1);
  });
});
