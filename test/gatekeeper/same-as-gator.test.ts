// SPDX-License-Identifier: Apache-2.0
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Review, reviewObjects, runSuites, suitePassed } from '../../lib/gatekeeper/gatekeeper.ts';
import type { SuiteOutcome } from '../../lib/gatekeeper/protocol.ts';
import { ensureEvaluator } from '../../scripts/build/evaluator.ts';
import { ensurePeer } from '../peers/peers.ts';
import { type Found, gatorTest, gatorVerify, sorted, texts, writeFiles } from './gator.ts';
import { POLICIES } from './policies.ts';
import { filesOf, type Policy } from './policy.ts';

let gator: string;
let evaluator: string;
beforeAll(async () => {
  const log = (line: string): void => console.error(line);
  ({ gator } = await ensurePeer('gatekeeper', { log }));
  evaluator = await ensureEvaluator({ os: process.platform, architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }, { log });
});

const folderOf = (): Promise<string> => mkdtemp(join(tmpdir(), 'gatekeeper-'));
const tested = POLICIES.filter(({ verifyOnly, invalid }) => !verifyOnly && !invalid).map((policy) => [policy.kind, policy] as const);
const verified = POLICIES.filter(({ testOnly }) => !testOnly).map((policy) => [policy.kind, policy] as const);

/** Everything is reviewed, as by gator: nothing stands among the policies alone. */
function foundBy({ violations }: Review): Found[] {
  return sorted(
    violations.map(({ reviewed, kind, name, message, action, actions, details }) => ({
      object: `${reviewed.kind} ${reviewed.namespace}/${reviewed.name}`,
      constraint: `${kind}/${name}`,
      ...{ message, action, actions: (actions ?? []).toSorted(), details: details ?? null },
    })),
  );
}

function outcomesOf(suite: SuiteOutcome): string[] {
  const word = ({ skipped, error }: { skipped: boolean; error: string }): string => (skipped ? 'SKIP' : error === '' ? 'PASS' : 'FAIL');
  return suite.tests.flatMap((one) => {
    const cases = one.cases.map((each) => `${word(each)} ${each.name}`);
    const failed = one.error !== '' || cases.some((each) => each.startsWith('FAIL'));
    return [...cases, `${failed ? 'FAIL' : word(one)} ${one.name}`];
  });
}

describe('a review finds what "gator test" finds', () => {
  test('in at least 40 templates', () => {
    expect(new Set(POLICIES.map(({ kind }) => kind)).size).toBe(POLICIES.length);
    expect(POLICIES.length).toBeGreaterThanOrEqual(40);
  });

  test.each(tested)('%s', async (_kind, policy) => {
    const files = texts(filesOf(policy));
    const folder = await folderOf();
    await writeFiles(folder, files);
    const theirs = await gatorTest(gator, folder);
    const review = await reviewObjects([], files, { evaluator });
    expect(theirs).toMatchObject({ found: foundBy(review) });
    for (const { object, violations, name } of policy.samples) {
      const own = review.violations.filter(({ reviewed }) => reviewed.name === name && reviewed.kind === object['kind']);
      expect({ name, violations: own.length }).toEqual({ name, violations });
    }
  });

  test('all policies at once', async () => {
    // What one policy expands, others do not have the fields for.
    const together = tested.filter(([, { expansion }]) => expansion === undefined);
    const files = together.flatMap(([kind, policy]) => texts(filesOf(policy)).map(({ name, text }) => ({ name: `${kind}/${name}`, text })));
    const folder = await folderOf();
    await writeFiles(folder, files);
    const ordered = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(await gatorTest(gator, folder)).toMatchObject({ found: foundBy(await reviewObjects([], ordered, { evaluator })) });
  });
});

describe('suites end as by "gator verify"', () => {
  test.each(verified)('%s', async (kind, policy) => {
    const folder = await folderOf();
    await writeFiles(folder, texts(filesOf(policy)));
    const theirs = await gatorVerify(gator, folder);
    const [suite] = await runSuites(folder, { evaluator });
    if (suite === undefined) throw new Error('there is no suite');
    expect(suite.file).toBe('suite.yaml');
    expect({ kind, ...theirs }).toMatchObject({ code: 0 });
    expect(outcomesOf(suite).toSorted()).toEqual(theirs.outcomes.toSorted());
    expect(suitePassed(suite)).toBe(true);
  });

  test('whose expectations are wrong fail in the same cases with the same words', async () => {
    const [policy] = POLICIES as [Policy];
    const wrong = { ...policy, samples: policy.samples.map((sample) => ({ ...sample, violations: sample.violations === 1 ? 1 : 7 })) };
    const folder = await folderOf();
    await writeFiles(folder, texts(filesOf(wrong)));
    const theirs = await gatorVerify(gator, folder);
    const [suite] = await runSuites(folder, { evaluator });
    expect(theirs.code).toBe(1);
    expect(suite && outcomesOf(suite).toSorted()).toEqual(theirs.outcomes.toSorted());
    expect(suite && suitePassed(suite)).toBe(false);
    const errors = suite?.tests.flatMap(({ cases }) => cases.map(({ error }) => error)).filter((error) => error !== '');
    expect(errors).toHaveLength(2);
    for (const error of errors ?? []) expect(theirs.output).toContain(error.split('\n')[0]);
  });
});
