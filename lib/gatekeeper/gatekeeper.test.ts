// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findEvaluator } from './find-evaluator.ts';
import { type FactSource, type GatekeeperOptions, type Review, reviewObjects, runSuites, suitePassed } from './gatekeeper.ts';
import { readPolicyFolder } from './policy-folder.ts';
import { recordedFacts } from './recorded-facts.ts';
import { fakeEvaluator, ONE_VIOLATION } from './test-evaluator.ts';

const POLICIES = [{ name: 'a.yaml', text: 'kind: A' }];
const PODS = [{ name: 'pod.yaml', text: 'kind: Pod' }];

async function review(body: string, options: GatekeeperOptions = {}): Promise<Review> {
  return reviewObjects(POLICIES, PODS, { evaluator: await fakeEvaluator(body), ...options });
}

function source(answers: Record<string, unknown>): { facts: FactSource; asked: string[][] } {
  const asked: string[][] = [];
  const facts: FactSource = async (provider, keys) => {
    asked.push([provider, ...keys]);
    return keys.flatMap((key) => (key in answers ? [{ provider, key, items: [{ value: answers[key] }] }] : []));
  };
  return { facts, asked };
}

describe('reviewObjects', () => {
  test('gives what was found in manifests, and not what was found in the policies', async () => {
    expect((await review(ONE_VIOLATION)).violations).toMatchObject([{ message: 'not\nsigned', reviewed: { name: 'image', file: 'manifests/pod.yaml' } }]);
    expect((await review(ONE_VIOLATION.replace('asked.files.at(-1).name', "'policies/a.yaml'"))).violations).toEqual([]);
  });

  test('gives the evaluator limits and nothing of the environment', async () => {
    const { objects } = await review(
      `return { objects: [{ file: 'manifests/x', apiVersion: '', kind: args.join(' '), name: Object.keys(process.env).join() }], constraints: [], violations: [] }`,
      { limits: { cpuSeconds: 3, memoryBytes: 5 } },
    );
    expect(objects).toMatchObject([{ kind: '-memory=5 -cpu=3', name: '' }]);
  });

  test('asks for facts until none is missing, and hands on what has no answer as asked', async () => {
    const { facts, asked } = source({ one: 1, three: 3 });
    const body = `if (count === 1) return { missing: [{ provider: 'p', keys: ['one', 'two'] }] };
      if (count === 2) return { missing: [{ provider: 'q', keys: ['three'] }] };
      return { objects: [{ file: 'manifests/x', apiVersion: '', kind: args.join(), name: JSON.stringify(asked.facts) }], constraints: [], violations: [] }`;
    const { objects } = await review(body, { facts });
    expect(asked).toEqual([
      ['p', 'one', 'two'],
      ['q', 'three'],
    ]);
    expect(JSON.parse(objects[0]?.name ?? '')).toEqual([
      { provider: 'p', key: 'one', items: [{ value: 1 }] },
      { provider: 'p', key: 'two', items: [] },
      { provider: 'q', key: 'three', items: [{ value: 3 }] },
    ]);
    expect(objects[0]?.kind).toContain('-external-data');
  });

  test('what the source of facts throws ends the review', async () => {
    const facts: FactSource = async () => {
      throw new Error('registry down');
    };
    await expect(review(`return { missing: [{ provider: 'p', keys: ['k'] }] }`, { facts })).rejects.toThrow('registry down');
  });

  test.each([
    ['new keys for ever', `return { missing: [{ provider: 'p', keys: ['k' + count] }] }`, 'in each of 10 passes'],
    ['too many keys', `return { missing: [{ provider: 'p', keys: Array.from({ length: 1001 }, (_, at) => 'k' + at) }] }`, 'more than 1000 keys'],
    ['too much memory', `process.stderr.write('fatal error: runtime: out of memory\\n'); process.exit(2)`, 'bytes of memory'],
    ['too much time', `process.kill(process.pid, 'SIGKILL')`, '60 s of processor time'],
    ['too long an answer', `return { error: 'x'.repeat(2000) }`, 'an answer of more than 1000 bytes'],
  ])('ends at %s', async (_what, body, message) => {
    const limits = { answerBytes: body.includes('repeat') ? 1000 : 100_000 };
    const failed = review(body, { facts: source({}).facts, limits });
    await expect(failed).rejects.toMatchObject({ kind: 'input', code: 'GATEKEEPER_LIMIT', message: expect.stringContaining(message) });
  });

  test('tells what Gatekeeper says about a policy, and who could answer it', async () => {
    const invalid = review(`return { error: 'adding template "x": undefined function external_data' }`);
    await expect(invalid).rejects.toMatchObject({
      code: 'GATEKEEPER_POLICY_INVALID',
      message: expect.stringContaining('adding template'),
      hint: expect.stringContaining('external-data'),
    });
  });

  test('a program that ends otherwise is a bug', async () => {
    await expect(review(`process.stderr.write('panic: nil\\n'); process.exit(2)`)).rejects.toMatchObject({
      code: 'GATEKEEPER_FAILED',
      message: expect.stringContaining('panic: nil'),
    });
    await expect(review('return { objects: 5 }')).rejects.toThrow('objects');
  });

  test('stops when it is told to', async () => {
    const controller = new AbortController();
    const stopped = review('for (;;);', { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(stopped).rejects.toMatchObject({ kind: 'transient', code: 'ABORTED' });
  });

  test('a program that is not there is told with how to get it', async () => {
    const missing = { code: 'GATEKEEPER_MISSING', hint: expect.stringContaining('npm run evaluator') };
    await expect(reviewObjects(POLICIES, PODS, { evaluator: '/nonexistent/evaluator' })).rejects.toMatchObject(missing);
    await expect(findEvaluator({}, '/nonexistent/step.cjs')).rejects.toMatchObject(missing);
    await expect(findEvaluator({ GATEKEEPER_EVALUATOR: '/nonexistent/own' }, '')).rejects.toMatchObject({
      message: expect.stringContaining('/nonexistent/own'),
    });
  });

  test('finds the one that stands beside the bundle, or in dist beside the sources', async () => {
    const root = await mkdtemp(join(tmpdir(), 'find-'));
    const place = join(root, 'dist', 'gatekeeper', `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'gatekeeper-evaluator'), '', { mode: 0o755 });
    for (const entry of ['dist/policy-check.cjs', 'cli/main.ts']) expect(await findEvaluator({}, join(root, entry))).toBe(join(place, 'gatekeeper-evaluator'));
  });
});

test('runSuites gives the outcome of every case', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'suites-'));
  await writeFile(join(folder, 'suite.yaml'), 'kind: Suite');
  const evaluator = await fakeEvaluator(
    `return { suites: [{ file: asked.files[0].name, tests: [{ name: 't', cases: [{ name: 'c', error: asked.run === 'bad' ? 'no' : '' }] }] }] }`,
  );
  const [good] = await runSuites(folder, { evaluator });
  expect(good).toMatchObject({ file: 'suite.yaml', tests: [{ name: 't', cases: [{ name: 'c', error: '' }] }] });
  const [bad] = await runSuites(folder, { evaluator, run: 'bad' });
  expect([good, bad].map((suite) => suite && suitePassed(suite))).toEqual([true, false]);
});

describe('readPolicyFolder', () => {
  test('reads what gator reads, in its order, through the links of a ConfigMap', async () => {
    const root = await mkdtemp(join(tmpdir(), 'policies-'));
    await mkdir(join(root, '..data'));
    await mkdir(join(root, 'b'));
    for (const name of ['..data/z.yaml', 'b/one.yml', 'b.json', 'c.txt']) await writeFile(join(root, name), name);
    await symlink(join('..data', 'z.yaml'), join(root, 'z.yaml'));
    expect((await readPolicyFolder(root, '', 'policies')).map(({ name }) => name)).toEqual(['b/one.yml', 'b.json', 'z.yaml']);
    expect(await readPolicyFolder(root, 'b', 'policies')).toEqual([{ name: 'one.yml', text: 'b/one.yml' }]);
  });

  test('refuses links that lead out, circles, and a folder without policies', async () => {
    const root = await mkdtemp(join(tmpdir(), 'policies-'));
    await expect(readPolicyFolder(root, '.', 'policies')).rejects.toMatchObject({ code: 'GATEKEEPER_FILES_INVALID' });
    await expect(readPolicyFolder(root, 'none', 'policies')).rejects.toMatchObject({ code: 'FILE_MISSING' });
    await symlink('.', join(root, 'circle'));
    await expect(readPolicyFolder(root, '.', 'policies')).rejects.toMatchObject({
      code: 'GATEKEEPER_FILES_INVALID',
      message: expect.stringContaining('deeper'),
    });
    await mkdir(join(root, 'out'));
    await symlink('/etc/passwd', join(root, 'out', 'a.yaml'));
    await expect(readPolicyFolder(root, 'out', 'policies')).rejects.toMatchObject({ code: 'PATH_OUTSIDE' });
  });
});

test('recorded facts are by heart', async () => {
  const facts = recordedFacts(Buffer.from('{"a": {"value": {"x": 1}}, "b": {"error": "no"}, "c": {"fault": "down"}}'), 'answers.json');
  expect(await facts('p', ['a', 'b', 'c', 'd'], undefined)).toEqual([
    { provider: 'p', key: 'a', items: [{ value: { x: 1 } }] },
    { provider: 'p', key: 'b', items: [{ error: 'no' }] },
    { provider: 'p', key: 'c', items: [], systemError: 'down' },
    { provider: 'p', key: 'd', items: [] },
  ]);
  for (const text of ['{', '[]', '{"a": 1}', '{"a": {"value": 1, "error": "x"}}'])
    expect(() => recordedFacts(Buffer.from(text), 'answers.json')).toThrow(
      expect.objectContaining({ code: 'EXTERNAL_DATA_INVALID', message: expect.stringContaining('answers.json') }),
    );
});
