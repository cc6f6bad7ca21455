// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { otherCa, serverCa } from '../../services/admission-provider/test-certificates.ts';
import { ensurePeer } from '../peers/peers.ts';
import { type Case, containersOf, podOf, runProgram, SERVICE, updateOf, verifyWithData, writeSuite } from './gator.ts';
import { type Recorded, type RecordedProvider, startRecordedProvider } from './recorded-provider.ts';

const POLICIES = join(SERVICE, 'policies');
const answers = JSON.parse(readFileSync(join(POLICIES, 'verified-images/answers.json'), 'utf8')) as Record<string, Recorded>;
const image = (name: string): string =>
  Object.keys(answers).find((key) => key.includes(`/${name}@`)) ?? `registry.example.com/team/${name}@sha256:${'a'.repeat(64)}`;
const GOOD = image('good');
const BAD = image('unsigned');
/** The key about an image of `podOf`. */
const keyOf = (name: string): string => `shop|${name}`;
const DENIES_BAD = [`image ${BAD} does not pass check verdict`];

let gator: string;
let gatorData: string;
let provider: RecordedProvider;
beforeAll(async () => {
  const log = (line: string): void => console.error(line);
  ({ gator } = await ensurePeer('gatekeeper', { log }));
  ({ 'gator-data': gatorData } = await ensurePeer('gator', { log }));
  provider = await startRecordedProvider(answers);
});
afterAll(() => provider.close());
beforeEach(() => {
  provider.asked.length = 0;
  provider.bend = undefined;
});

const asking = (more: object = {}) => ({ url: provider.url, ca: serverCa, ...more });

async function expectCases(
  cases: readonly Case[],
  constraint: string | object = '73-require-verdict.yaml',
  more: object = {},
  flags: string[] = [],
): Promise<void> {
  const { code, output } = await verifyWithData(gatorData, await writeSuite({ constraint, cases }), asking(more), flags);
  expect(output).toMatch(/\nPASS\n/);
  expect(code).toBe(0);
  expect(output.match(/--- PASS: /g)?.length).toBe(cases.length + 1);
}

function constraintWith(spec: object): object {
  return { apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: 'VerifiedImages', metadata: { name: 'own' }, spec };
}

const workload = (apiVersion: string, kind: string, spec: object): object => ({ apiVersion, kind, metadata: { name: 'sample', namespace: 'shop' }, ...spec });
const template = (images: readonly string[]): object => ({ template: { metadata: {}, spec: { containers: containersOf(images) } } });

describe('the committed suites', () => {
  test('pass the released gator where no provider is asked', async () => {
    const { code, output } = await runProgram(gator, ['verify', join(POLICIES, 'require-digest'), '-v']);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('--- PASS: debug-container') });
  });

  test('pass with recorded answers where one is', async () => {
    const { code, output } = await verifyWithData(gatorData, POLICIES, asking());
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('--- PASS: registry-down') });
  });

  test('need more than the released gator there, which says so', async () => {
    const { code, output } = await runProgram(gator, ['verify', join(POLICIES, 'verified-images')]);
    expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining('undefined function external_data') });
  });

  test('use every sample', () => {
    for (const folder of readdirSync(POLICIES)) {
      const suite = readFileSync(join(POLICIES, folder, 'suite.yaml'), 'utf8');
      const samples = readdirSync(join(POLICIES, folder)).filter((name) => !['suite.yaml', 'answers.json'].includes(name));
      expect(samples.filter((name) => !suite.includes(`object: ${name}`))).toEqual([]);
    }
  });
});

describe('one admission', () => {
  test('is one question about all images of the object, each once', async () => {
    const images = [GOOD, image('good-tool'), GOOD];
    await expectCases([{ name: 'good', object: podOf(images, { initContainers: containersOf([image('good-tool')]) }) }]);
    expect(provider.asked).toEqual([[GOOD, image('good-tool')].map(keyOf).sort()]);
  });

  test('names the namespace of the request, and no image names another one', async () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'sample', namespace: 'bank' }, spec: { containers: containersOf([`shop|${GOOD}`]) } };
    await expectCases([{ name: 'smuggled', object: pod, denied: ['gave no answer about it'] }]);
    expect(provider.asked).toEqual([[`bank|shop|${GOOD}`]]);
    const cluster = { ...pod, metadata: { name: 'sample' }, spec: { containers: containersOf([GOOD]) } };
    provider.asked.length = 0;
    await expectCases([{ name: 'none', object: cluster }]);
    expect(provider.asked).toEqual([[`|${GOOD}`]]);
  });

  test('without a new image asks nobody', async () => {
    await expectCases([
      { name: 'label', object: updateOf(podOf([BAD]), podOf([BAD], { nodeName: 'n' })) },
      { name: 'no images', object: podOf([]) },
    ]);
    expect(provider.asked).toEqual([]);
  });

  test('of each kind that makes Pods looks at all their images', async () => {
    const kinds = [
      ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].map((kind) => workload('apps/v1', kind, { spec: template([BAD]) })),
      workload('v1', 'ReplicationController', { spec: template([BAD]) }),
      workload('v1', 'PodTemplate', template([BAD])),
      workload('batch/v1', 'Job', { spec: template([BAD]) }),
      workload('batch/v1', 'CronJob', { spec: { jobTemplate: { spec: template([BAD]) } } }),
      podOf([GOOD], { initContainers: containersOf([BAD]) }),
      podOf([GOOD], { ephemeralContainers: containersOf([BAD]) }),
      podOf([GOOD], {
        volumes: [
          { name: 'v', image: { reference: BAD } },
          { name: 'w', emptyDir: {} },
        ],
      }),
    ];
    await expectCases(kinds.map((object, at) => ({ name: `kind-${at}`, object, denied: DENIES_BAD })));
  });

  test('of an update denies the new image alone', async () => {
    const cases = [
      { name: 'added', object: updateOf(podOf([GOOD]), podOf([GOOD, BAD])), denied: DENIES_BAD },
      { name: 'beside an old bad one', object: updateOf(podOf([image('no-sbom')]), podOf([image('no-sbom'), BAD])), denied: DENIES_BAD },
      { name: 'from init to main', object: updateOf(podOf([GOOD], { initContainers: containersOf([BAD]) }), podOf([GOOD, BAD])) },
    ];
    await expectCases(cases);
  });
});

describe('everything but an explicit passed denies', () => {
  const item = (value: unknown) => JSON.stringify({ response: { idempotent: true, items: [{ key: keyOf(GOOD), value }] } });
  const passed = answers[GOOD] as { value: object };

  test.each([
    ['a text', item('passed'), 200, 'does not pass check verdict'],
    ['true', item(true), 200, 'does not pass check verdict'],
    ['null', item(null), 200, 'does not pass check verdict'],
    ['a list', item(['passed']), 200, 'does not pass check verdict'],
    ['another spelling', item({ verdict: 'PASSED' }), 200, 'does not pass check verdict: no rule was judged that speaks about it'],
    ['nothing', '{}', 200, 'gave no answer about it'],
    ['about another image', JSON.stringify({ response: { items: [{ key: keyOf(BAD), ...passed }] } }), 200, 'gave no answer about it'],
    [
      'about the same image in another namespace',
      JSON.stringify({ response: { items: [{ key: `bank|${GOOD}`, ...passed }] } }),
      200,
      'gave no answer about it',
    ],
    ['about the image without a namespace', JSON.stringify({ response: { items: [{ key: GOOD, ...passed }] } }), 200, 'gave no answer about it'],
    ['no JSON', '<html>', 200, 'no verdict, nothing is let in without one'],
    ['a good item with status 500', item(passed.value), 500, 'answered with status 500'],
    [
      'twice, good and bad',
      JSON.stringify({
        response: {
          items: [
            { key: keyOf(GOOD), ...passed },
            { key: keyOf(GOOD), value: {} },
          ],
        },
      }),
      200,
      'does not pass check verdict',
    ],
    [
      'an error beside a good value',
      JSON.stringify({
        response: {
          items: [
            { key: keyOf(GOOD), ...passed },
            { key: keyOf(GOOD), error: 'x' },
          ],
        },
      }),
      200,
      'cannot be verified: x',
    ],
    [
      'a system error beside a good item',
      JSON.stringify({ response: { items: [{ key: keyOf(GOOD), ...passed }], systemError: 'y' } }),
      200,
      'provider image-verdict: y',
    ],
  ])('answered %s', async (_what, body, status, denied) => {
    provider.bend = () => ({ status, body });
    await expectCases([{ name: 'bent', object: podOf([GOOD]), denied: [denied] }]);
  });

  test.each([
    ['nobody listens', { url: 'https://127.0.0.1:1/validate' }, 'connection refused'],
    ['the certificate is by another CA', { ca: otherCa }, 'failed to verify certificate'],
    ['the Provider has another name', { name: 'elsewhere' }, 'key is not found in provider cache'],
  ])('when %s', async (_what, more, denied) => {
    await expectCases([{ name: 'down', object: podOf([GOOD]), denied: [denied] }], '73-require-verdict.yaml', more);
  });

  test('when the provider answers too late', async () => {
    const slow = await startRecordedProvider({});
    slow.bend = () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
      return { status: 200, body: item(passed.value) };
    };
    try {
      await expectCases([{ name: 'slow', object: podOf([GOOD]), denied: ['context deadline exceeded'] }], '73-require-verdict.yaml', {
        url: slow.url,
        timeout: 1,
      });
    } finally {
      await slow.close();
    }
  });
});

describe('parameters', () => {
  const cases = (denied: string[]): Case[] => [
    { name: 'good', object: podOf([GOOD]), ...(denied.length > 1 && { denied: [`image ${GOOD} does not pass`] }) },
    { name: 'bad', object: podOf([BAD]), denied: denied.slice(0, 1) },
  ];

  test.each([
    ['none at all ask for the verdict', {}, ['check verdict']],
    ['empty ones ask for the verdict', { parameters: { checks: [], rules: [] } }, ['check verdict']],
    ['rules by their names', { parameters: { rules: ['signed'] } }, ['rule signed: \\[signed\\]']],
    ['a rule that the policy does not have', { parameters: { rules: ['none'] } }, ['rule none: no rule was judged that speaks about it', 'both']],
    [
      'a verification summary, which a verdict is not',
      { parameters: { checks: ['verification-summary'] } },
      ['check verification-summary: no rule was judged that speaks about it', 'both'],
    ],
    ['a check that no rule answers', { parameters: { checks: ['attestation'] } }, ['check attestation: no rule was judged that speaks about it', 'both']],
    ['an exempt image of another name', { parameters: { exemptImages: ['registry.example.com/team/other'] } }, ['check verdict']],
    ['an exempt image without a name', { parameters: { exemptImages: [''] } }, ['check verdict']],
  ])('%s', async (_what, spec, denied) => {
    await expectCases(cases(denied), constraintWith(spec));
  });

  test('exempt images by their beginning, and are not asked about', async () => {
    const exempt = constraintWith({ parameters: { exemptImages: ['registry.example.com/team/unsigned@'] } });
    await expectCases([{ name: 'exempt', object: podOf([BAD]) }], exempt);
    expect(provider.asked).toEqual([]);
  });

  test('that are no parameters are refused by the schema', async () => {
    const dir = await writeSuite({ constraint: constraintWith({ parameters: { checks: ['vibes'] } }), cases: [{ name: 'good', object: podOf([GOOD]) }] });
    const { code, output } = await verifyWithData(gatorData, dir, asking());
    expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining('vibes') });
  });
});

test('the Constraints look at all kinds that make Pods, and not at what the cluster needs to come back', () => {
  for (const file of readdirSync(join(SERVICE, 'manifests')).filter((name) => /^(7|91|92)/.test(name))) {
    const { spec } = parse(readFileSync(join(SERVICE, 'manifests', file), 'utf8'));
    expect(
      spec.match.kinds
        .flatMap(({ kinds }: { kinds: string[] }) => kinds)
        .sort()
        .join(),
    ).toBe('CronJob,DaemonSet,Deployment,Job,Pod,PodTemplate,ReplicaSet,ReplicationController,StatefulSet');
    expect(spec.match.excludedNamespaces).toEqual(['kube-system', 'gatekeeper-system', 'admission-provider']);
    expect(spec.enforcementAction).toBe('dryrun');
  }
});
