// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { reviewObjects, runSuites, suitePassed } from '../../lib/gatekeeper/gatekeeper.ts';
import { providerFacts } from '../../lib/gatekeeper/provider-facts.ts';
import { recordedFacts } from '../../lib/gatekeeper/recorded-facts.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { ensureEvaluator } from '../../scripts/build/evaluator.ts';
import { otherCa, serverCa } from '../../services/admission-provider/test-certificates.ts';
import { type RecordedProvider, startRecordedProvider } from '../admission/recorded-provider.ts';
import { ensurePeer } from '../peers/peers.ts';
import { runGator, texts, writeFiles } from './gator.ts';
import { constraintOf, type Policy, pod, RE_PODS, templateOf } from './policy.ts';

const SERVICE = join(import.meta.dirname, '../../services/admission-provider');

let evaluator: string;
beforeAll(async () => {
  evaluator = await ensureEvaluator({ os: process.platform, architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }, { log: console.error });
});

test('the policies of the admission and their suites judge by recorded answers as they do in the cluster', async () => {
  const facts = recordedFacts(await readFile(join(SERVICE, 'policies/verified-images/answers.json')), 'answers.json');
  const suites = await runSuites(SERVICE, { evaluator, facts });
  expect(suites.length).toBeGreaterThan(1);
  for (const suite of suites) expect(suitePassed(suite), JSON.stringify(suite, undefined, 1)).toBe(true);
});

const policy: Policy = {
  kind: 'AskedFor',
  match: RE_PODS,
  schema: { provider: { type: 'string' } },
  parameters: { provider: 'outside' },
  code: {
    v1: true,
    rego: `package askedfor
answer := external_data({"provider": input.parameters.provider, "keys": [c.image | some c in input.review.object.spec.containers]})
again := external_data({"provider": input.parameters.provider, "keys": [sprintf("%v/next", [k]) | some [k, _] in answer.responses]})
violation contains {"msg": sprintf("%v answered %v", [k, v])} if some [k, v] in answer.responses
violation contains {"msg": sprintf("%v has error %v", [k, e])} if some [k, e] in answer.errors
violation contains {"msg": sprintf("then %v answered %v", [k, v])} if some [k, v] in again.responses
violation contains {"msg": sprintf("system: %v", [answer.system_error])} if answer.system_error != ""
violation contains {"msg": sprintf("status %v and %v", [answer.status_code, again.status_code])} if true
violation contains {"msg": sprintf("%v of %v answered", [count(answer.responses) + count(answer.errors), count(input.review.object.spec.containers)])} if true`,
  },
  samples: [],
};
const images = (...names: string[]) =>
  texts(
    new Map([
      [
        'pod.yaml',
        pod(
          'p',
          names.map((image) => ({ image })),
        ),
      ],
    ]),
  );

async function messages(provider: { url: string; ca?: string }, manifests = images('a', 'b', 'c')): Promise<string[]> {
  const spec = { url: provider.url, timeout: 5, caBundle: Buffer.from(provider.ca ?? serverCa).toString('base64') };
  const manifest = { apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider', metadata: { name: 'outside' }, spec };
  const files = texts(
    new Map<string, object>([
      ['template.yaml', templateOf(policy)],
      ['constraint.yaml', constraintOf(policy)],
      ['provider.yaml', manifest],
    ]),
  );
  const facts = providerFacts({ log: silentLogger });
  const { violations } = await reviewObjects(files, manifests, { evaluator, facts });
  return violations.map(({ message }) => message).sort();
}

describe('a provider', () => {
  const recorded = { a: { value: { x: 1 } }, b: { error: 'no' }, 'a/next': { value: 'more' } };
  const withProvider = async (use: (provider: RecordedProvider) => Promise<void>): Promise<void> => {
    const provider = await startRecordedProvider(recorded);
    try {
      await use(provider);
    } finally {
      await provider.close();
    }
  };

  test('is asked for all keys of a pass at once, and what it says is what the policy sees', () =>
    withProvider(async (provider) => {
      expect(await messages(provider, images('a', 'b', 'c', 'a'))).toEqual(
        ['a answered {"x": 1}', 'b has error no', 'then a/next answered more', 'status 200 and 200', '3 of 4 answered'].sort(),
      );
      expect(provider.asked).toEqual([['a', 'b', 'c'], ['a/next']]);
    }));

  test('that says that all is wrong is told to the policy', () =>
    withProvider(async (provider) => {
      provider.bend = () => ({ status: 200, body: JSON.stringify({ response: { systemError: 'down' } }) });
      expect(await messages(provider)).toEqual(['system: down', 'status 200 and 0', '0 of 3 answered'].sort());
    }));

  test('that answers with what is no answer, or has a certificate by somebody else, ends the review', () =>
    withProvider(async (provider) => {
      await expect(messages({ url: provider.url, ca: otherCa })).rejects.toMatchObject({ code: 'HTTP_TLS' });
      provider.bend = () => ({ status: 200, body: '<html>' });
      await expect(messages(provider)).rejects.toMatchObject({ code: 'EXTERNAL_DATA_REFUSED' });
      await expect(messages({ url: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'EXTERNAL_DATA_INVALID' });
    }));
});

describe('what a policy cannot do', () => {
  const rego = (body: string): Policy => ({ ...policy, parameters: {}, code: { v1: true, rego: `package askedfor\n${body}` } });
  const judge = (body: string, limits: { cpuSeconds?: number; memoryBytes?: number } = {}) =>
    reviewObjects(
      texts(
        new Map<string, object>([
          ['t.yaml', templateOf(rego(body))],
          ['u.yaml', constraintOf(rego(body))],
        ]),
      ),
      images('a'),
      { evaluator, limits },
    );

  test.each(['external_data({"provider": "p", "keys": []})', 'http.send({"method": "get", "url": "http://127.0.0.1/"})', 'net.lookup_ip_addr("localhost")'])(
    'call %s when nobody answers',
    async (call) => {
      const refused = judge(`violation contains {"msg": "x"} if ${call}`);
      await expect(refused).rejects.toMatchObject({
        code: 'GATEKEEPER_POLICY_INVALID',
        message: expect.stringContaining(`undefined function ${call.split('(')[0]}`),
      });
    },
  );

  test('run for ever, or take all memory', async () => {
    const loop = 'violation contains {"msg": "x"} if { some i in numbers.range(1, 100000); some j in numbers.range(1, 100000); i + j < 0 }';
    await expect(judge(loop, { cpuSeconds: 1 })).rejects.toMatchObject({ code: 'GATEKEEPER_LIMIT' });
    // 10 MB, and 1000 times that in one text.
    const greedy = `violation contains {"msg": "x"} if {
  some_text := concat("", ["${'x'.repeat(100)}" | some i in numbers.range(1, 100000)])
  count(concat("", [some_text | some i in numbers.range(1, 1000)])) < 0
}`;
    await expect(judge(greedy, { memoryBytes: 400 * 1024 ** 2 })).rejects.toMatchObject({
      code: 'GATEKEEPER_LIMIT',
      message: expect.stringContaining('memory'),
    });
  });
});

test('a released gator refuses external data, as this does without anybody who answers', async () => {
  const { gator } = await ensurePeer('gatekeeper', { log: console.error });
  const folder = await mkdtemp(join(tmpdir(), 'external-'));
  await writeFiles(
    folder,
    texts(
      new Map<string, object>([
        ['template.yaml', templateOf(policy)],
        ['constraint.yaml', constraintOf(policy)],
      ]),
    ),
  );
  const { code, stderr } = await runGator(gator, ['test', '-f', '.'], folder);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('undefined function external_data') });
});
