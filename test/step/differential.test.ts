// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttp } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { type Bench, startBench } from '../../lib/registry/test-bench.ts';
import { trustedRootJson } from '../../lib/sigstore/test-log.ts';
import { BREAKAGES, makeCases } from '../differential/cases.ts';
import { type Checking, policyCheck, writePolicy } from '../differential/check.ts';
import { openPublisher, type Publisher } from '../differential/publish.ts';

/** Cases of another seed: DIFFERENTIAL_SEED=7 npx vitest run test/step/differential.test.ts */
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 20_265);
const AT_ONCE = 4;
const cases = makeCases({ seed: SEED, policies: 30, casesEach: 8, timed: false });

let registry: Bench;
let publisher: Publisher;
let http: ReturnType<typeof createHttp>;
let checking: Checking;
beforeAll(async () => {
  registry = await startBench();
  const client = registry.client();
  publisher = await openPublisher({ registry: client, host: registry.host });
  http = createHttp({ log: silentLogger });
  const root = await mkdtemp(join(tmpdir(), 'differential-'));
  checking = { registry: client, http, trustedRoot: trustedRootJson(publisher.log.running.trustedLog), root, publicKeys: publisher.publicKeys };
});
afterAll(async () => {
  http.close();
  await Promise.all([registry.close(), publisher.close(), rm(checking.root, { recursive: true, force: true })]);
});

test('cases are many, of both answers, of every breakage and of every type of rule that fails', () => {
  const dealt = new Set(cases.flatMap(({ breakages }) => breakages.map(({ name }) => name)));
  const failed = new Set(cases.flatMap(({ policy, truth }) => policy.rules.filter(({ id }) => truth.failed.includes(id)).map(({ type }) => type)));
  const passing = cases.filter(({ truth }) => truth.passes).length;
  expect(cases.length).toBeGreaterThanOrEqual(200);
  expect(passing).toBeGreaterThan(cases.length / 5);
  expect(passing).toBeLessThan((cases.length * 4) / 5);
  expect(BREAKAGES.map(({ name }) => name).filter((name) => !dealt.has(name))).toEqual([]);
  expect(failed.size).toBe(8);
});

test(`policy-check says what is true of cases with the seed ${SEED}`, { timeout: 300_000 }, async () => {
  const wrong: object[] = [];
  const left = [...cases.entries()];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [number, one] = next;
      const image = await publisher.publish(one, `differential/case-${number}`);
      const said = await policyCheck(checking, await writePolicy(checking, one.policy), image);
      if (JSON.stringify(said) !== JSON.stringify(one.truth)) wrong.push({ case: one.name, said, truth: one.truth, rules: one.policy.rules });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  expect(wrong).toEqual([]);
});
