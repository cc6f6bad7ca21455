// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fault, logFault, registryFault, TROUBLES } from './faults.ts';
import { runHere } from './run-here.ts';
import { stepOn } from './scenarios.ts';
import { seededRandom, seedOfRun } from './seeded.ts';
import { fromTemplate, holdings, makeTemplate, openWorld, type World } from './world.ts';

const ROUNDS = 4;
/** How many of the requests something happens to. */
const SHARE = 0.12;
const ONCE = TROUBLES.filter(({ ends }) => ends === 'ok');

const SIGNED = ['signature by deputy', 'signature by release', 'signature by stranger'];
const FORMS: readonly { form: string; params: Record<string, string>; pieces: string[] }[] = [
  { form: 'log=now', params: { log: 'now' }, pieces: [...SIGNED.map((signed) => `${signed}, ${signed.endsWith('stranger') ? 'not ' : ''}logged`)] },
  { form: 'format=both', params: { log: 'never', format: 'both' }, pieces: SIGNED.map((signed) => `${signed}, not logged`) },
];
const TAGGED = {
  'log=now': ['signature .sig by stranger, not logged'],
  'format=both': ['deputy', 'release', 'stranger'].map((name) => `signature .sig by ${name}, not logged`),
};

describe.each([{ referrers: true }, { referrers: false }])('two signers at the same time, with the referrers API: $referrers', ({ referrers }) => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({ referrers });
    await makeTemplate(world, 'beside', false);
  });
  afterAll(() => world.close());

  test.each(FORMS)('$form: end with the union while requests go wrong', { timeout: 240_000 }, async ({ form, params, pieces }) => {
    const seed = seedOfRun();
    const random = seededRandom(seed);
    for (let round = 0; round < ROUNDS; round += 1) {
      const image = await fromTemplate(world, 'beside', `beside/${form.replace('=', '-')}-${round}`);
      const run = stepOn('cosign-sign', world, image, params);
      const other = { ...run, workspaces: { ...run.workspaces, 'signing-key': world.deputy.folder } };
      disturb(world, random);
      const ends = await Promise.all([runHere(run, world.clock), runHere(other, world.clock)]);
      world.bench.calm();
      expect(ends, `FAULTS_SEED=${seed}, round ${round}`).toMatchObject([
        { outcome: 'ok', results: { action: 'signed' } },
        { outcome: 'ok', results: { action: 'signed' } },
      ]);
      const wanted = [...pieces, ...TAGGED[form as keyof typeof TAGGED]].sort();
      const left = await holdings(world, image);
      expect(left.pieces, `FAULTS_SEED=${seed}, round ${round}`).toEqual(wanted);
      expect(await Promise.all([runHere(run, world.clock), runHere(other, world.clock)])).toMatchObject([
        { outcome: 'ok', results: { action: 'kept' } },
        { outcome: 'ok', results: { action: 'kept' } },
      ]);
      expect(await holdings(world, image)).toEqual(left);
    }
  });
});

function disturb({ bench }: World, random: () => number): void {
  const next = (): Fault['first'] | undefined => (random() < SHARE ? ONCE[Math.floor(random() * ONCE.length)]?.first : undefined);
  bench.wire.registry = () => {
    const wrong = next();
    return wrong && registryFault(wrong);
  };
  bench.wire.log = (request) => {
    const wrong = next();
    return wrong && logFault(wrong, request);
  };
}
