// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBundles } from '../step/bundles.ts';
import { runStep, type StepEnd } from '../step/spawn-step.ts';
import { logSize } from '../step/standing.ts';
import { judges, signs, type stepOn } from './scenarios.ts';
import { seededRandom, seedOfRun } from './seeded.ts';
import { fromTemplate, holdings, makeTemplate, openWorld, type World } from './world.ts';

/** The built bundles as processes, killed at about every third request: what the other files do to runs in their own process has to hold for real ones. */
const EVERY = 3;
const SCENARIOS = [
  { scenario: signs('format=both', { log: 'never', format: 'both' }), index: false },
  { scenario: signs('of an index', { log: 'now', recursive: 'true' }), index: true },
  { scenario: judges('log=now', { log: 'now' }), index: false },
];

describe.each([{ referrers: true }, { referrers: false }])('with the referrers API: $referrers', ({ referrers }) => {
  let world: World;
  beforeAll(async () => {
    await ensureBundles();
    world = await openWorld({ referrers });
  });
  afterAll(() => world.close());

  test.each(SCENARIOS)('SIGKILL of $scenario.name: the next run ends as if nothing had been', { timeout: 240_000 }, async ({ scenario, index }) => {
    const seed = seedOfRun();
    const random = seededRandom(seed);
    const name = scenario.name.replaceAll(/[^a-z]+/g, '-');
    await makeTemplate(world, name, index);
    const peaceful = await prepared(world, name, 'peace');
    const requests = await counted(world, () => once(world, scenario.run(world, peaceful.image)));
    const wanted = (await holdings(world, peaceful.image)).pieces;
    const entries = (await logSize(world.bench)) - peaceful.entries;
    let kills = 0;
    for (let at = 1 + Math.floor(random() * EVERY); at <= requests; at += EVERY) {
      const { image, entries: before } = await prepared(world, name, `at-${at}`);
      const told = `FAULTS_SEED=${seed}, killed at request ${at} of ${image}`;
      const end = await killedAt(world, scenario.run(world, image), at);
      if (end.signal === 'SIGKILL') kills += 1;
      const again = await once(world, scenario.run(world, image));
      expect(again.code, `${told}: ${again.stderr}`).toBe(0);
      const left = await holdings(world, image);
      expect(left.pieces, told).toEqual(wanted);
      const extra = left.entries - before - entries;
      expect(extra, told).toBeGreaterThanOrEqual(0);
      expect(extra, told).toBeLessThanOrEqual(scenario.orphans ? 1 : 0);
    }
    expect(kills).toBeGreaterThanOrEqual(2);
  });
});

async function prepared(world: World, name: string, last: string): Promise<{ image: string; entries: number }> {
  world.bench.calm();
  const image = await fromTemplate(world, name, `killed/${name}/${last}`);
  return { image, entries: await logSize(world.bench) };
}

async function counted({ bench }: World, work: () => Promise<StepEnd>): Promise<number> {
  bench.calm();
  const end = await work();
  expect(end.code, end.stderr).toBe(0);
  return bench.requests.length;
}

function once({ bench }: World, run: ReturnType<typeof stepOn>): Promise<StepEnd> {
  bench.calm();
  return runStep(run);
}

async function killedAt({ bench }: World, run: ReturnType<typeof stepOn>, at: number): Promise<StepEnd> {
  let child: ChildProcess | undefined;
  bench.calm();
  bench.wire.watch = (_request, number) => {
    if (number === at) child?.kill('SIGKILL');
  };
  return runStep({
    ...run,
    onSpawn: (spawned) => {
      child = spawned;
    },
  });
}
