// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Descriptor } from '../registry/oci.ts';
import { encodeBundle } from '../sigstore/bundle.ts';
import { signedBundle } from '../sigstore/test-log.ts';
import { type CollectedPiece, readReferrer } from './piece.ts';
import { type Laptop, startLaptop } from './test-laptop.ts';

let laptop: Laptop;
let image: DigestReference;
let size: number;
let referrers: Descriptor[];
beforeAll(async () => {
  laptop = await startLaptop();
  image = await laptop.image();
  // Signatures of this key differ in length by a byte or two.
  const bundles = Array.from({ length: 3 }, (_, at) => signedBundle(laptop.key, digestHex(image.digest), { at }));
  for (const bundle of bundles) await laptop.attach(image, bundle);
  size = Math.max(...bundles.map((bundle) => encodeBundle(bundle).length));
  referrers = await laptop.registry.referrers(image);
});
afterAll(() => laptop.close());

async function readAll(left: number): Promise<CollectedPiece['verification'][]> {
  const budget = { left };
  const found: CollectedPiece['verification'][] = [];
  for (const descriptor of referrers)
    found.push((await readReferrer(laptop.registry, image, descriptor, { keys: [laptop.key], trust: laptop.log.trust }, budget)).verification);
  return found;
}

it('all bundles of an artifact share one budget, and what does not fit counts for nothing', async () => {
  expect((await readAll(3 * size)).map(({ state }) => state)).toEqual(['verified', 'verified', 'verified']);
  expect(await readAll(2.5 * size)).toMatchObject([{ state: 'verified' }, { state: 'verified' }, { state: 'rejected', code: 'REFERRER_INVALID' }]);
  expect(await readAll(1.5 * size)).toMatchObject([{ state: 'verified' }, { state: 'rejected' }, { state: 'rejected' }]);
});
