// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { injectEverywhere, newTally, type Scenario, summary } from './campaign.ts';
import { faultsFor } from './faults.ts';
import { seededRandom, seedOfRun } from './seeded.ts';
import { openWorld, type World } from './world.ts';

/** A test for each scenario: faults at every request (FAULTS=all: every fault), nothing lost, nothing doubled, each answer the right one; together at least `atLeast` faults. */
export function testEverywhere(name: string, scenarios: readonly Scenario[], { referrers, atLeast }: { referrers: boolean; atLeast: number }): void {
  describe(name, () => {
    let world: World;
    let injected = 0;
    beforeAll(async () => {
      world = await openWorld({ referrers });
    });
    afterAll(() => world.close());

    test.each(scenarios)('faults at every request of $name: nothing is lost, nothing doubled', { timeout: 600_000 }, async (scenario) => {
      const tally = newTally();
      const seed = seedOfRun();
      const random = seededRandom(seed);
      await injectEverywhere(world, scenario, () => faultsFor(random, process.env['FAULTS'] === 'all'), tally);
      injected += tally.injected;
      const { lost, duplicates, wrong } = tally;
      console.info(summary(scenario.name, tally));
      expect({ lost, duplicates, wrong }, `FAULTS_SEED=${seed}`).toEqual({ lost: [], duplicates: [], wrong: [] });
    });

    test(`at least ${atLeast} faults were injected`, () => {
      expect(injected).toBeGreaterThanOrEqual(atLeast);
    });
  });
}
