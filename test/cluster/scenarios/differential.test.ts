// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatReference } from '../../../lib/reference/reference.ts';
import { type Case, makeCases, type Truth } from '../../differential/cases.ts';
import { policyCheck } from '../../differential/check.ts';
import { create, workload } from './admission-objects.ts';
import { type DifferentialScene, openDifferentialScene } from './differential-scene.ts';
import { openSuite } from './suite.ts';

/** Cases of another seed: DIFFERENTIAL_SEED=7 npm run test:cluster -- differential */
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 20_273);
const AT_ONCE = 4;
const cases = makeCases({ seed: SEED, policies: 12, casesEach: 18, timed: true });
const byPolicy = [...Map.groupBy(cases, ({ policy }) => policy).entries()].map(([policy, own]) => ({ name: policy.name, policy, own }));

let scene: DifferentialScene;
beforeAll(async () => {
  scene = await openDifferentialScene(await openSuite());
});
afterAll(async () => {
  await scene?.close();
});

/** What Gatekeeper says of a Pod with the image, by a dry run of creating it: whether it gets in, and the rules that its message names. */
async function admit(image: string, tries = 5): Promise<{ passes: boolean; named: string[] }> {
  const { status, message } = await create(scene.api, workload({ kind: 'Pod', name: 'asked', namespace: scene.namespace, images: [image] }), { isDry: true });
  if (status === 201) return { passes: true, named: [] };
  const said = message.split(`image ${image} does not pass check verdict: `)[1];
  // On a busy machine a judgement may come late, which denies; it is done by the next time.
  if (status === 403 && message.includes(': no verdict, ') && tries > 1) return admit(image, tries - 1);
  if (status !== 403 || said === undefined) throw new Error(`${status} ${message}`);
  return { passes: false, named: [...said.matchAll(/(?:^| \| )\[([a-z]+)\] /g)].map(([, rule = '']) => rule) };
}

type Said = { admission: Awaited<ReturnType<typeof admit>>; pipeline: Truth };

async function ask(one: Case, number: number, folder: string): Promise<Said> {
  const image = await scene.publisher.publish(one, `${scene.namespace}/${one.policy.name}-${number}`);
  return { admission: await admit(formatReference(image)), pipeline: await policyCheck(scene.checking, folder, image) };
}

/** Both failed and warned rules stand in the message of a denial, sorted by their texts. */
function expected({ truth }: Case): Said {
  return { admission: { passes: truth.passes, named: truth.passes ? [] : [...truth.failed, ...truth.warned].toSorted() }, pipeline: truth };
}

describe(`the same verdict in Pipeline and cluster, which is the true one, with the seed ${SEED}`, () => {
  test('of at least 200 cases, of both answers', () => {
    const passing = cases.filter(({ truth }) => truth.passes).length;
    expect(cases.length).toBeGreaterThanOrEqual(200);
    expect(Math.min(passing, cases.length - passing)).toBeGreaterThan(40);
  });

  test.each(byPolicy)('$name', async ({ policy, own }) => {
    const folder = await scene.judgeBy(policy);
    const wrong: object[] = [];
    const left = [...own.entries()];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [number, one] = next;
        const said = await ask(one, number, folder);
        if (JSON.stringify(said) !== JSON.stringify(expected(one))) wrong.push({ case: one.name, said, expected: expected(one), rules: policy.rules });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(wrong).toEqual([]);
  });
});
