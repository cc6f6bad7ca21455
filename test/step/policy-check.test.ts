// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { closeAll } from '../../lib/http/test-server.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { spec } from '../../tasks/policy-check/spec.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone, expectFailed } from './expectations.ts';
import { REGISTRY_PROVOCATIONS, testFailures } from './failures.ts';
import { type Forge, foreignKey, openForge } from './forge.ts';
import { FORMAT_PROVOCATIONS } from './format-provocations.ts';
import { GATEKEEPER_PROVOCATIONS } from './gatekeeper-provocations.ts';
import { bindToken, identityToken, KEYLESS_PROVOCATIONS, refusing, SECRET_TOKEN, trustWithConfig } from './keyless-provocations.ts';
import { KMS_PROVOCATIONS } from './kms-provocations.ts';
import { grypeReport, smallSbom } from './reports.ts';
import { runStep, type StepRun } from './spawn-step.ts';
import { logSize, piecesOf, standing } from './standing.ts';

let bench: Bench;
let forge: Forge;
beforeAll(async () => {
  bench = await openBench();
  forge = await openForge(bench);
});
afterAll(async () => {
  await closeAll();
  await bench.close();
});
beforeEach(() => bench.calm());

function base({ workspaces, logUrl }: Bench, image: string): StepRun {
  return { task: 'policy-check', params: { image, 'rekor-url': logUrl, 'trusted-root': 'trusted_root.json' }, workspaces };
}

/** A run without a key, which judges and publishes nothing. */
function judging(image: string): StepRun {
  const { policy, trust, reports } = bench.workspaces;
  return { ...base(bench, image), workspaces: { policy, trust, reports } };
}

/** Signature, SBOM and a clean scan report, all as the policy asks. */
async function securedImage(repository: string): Promise<string> {
  const image = await bench.pushImage(repository);
  for (const [type, predicate] of [
    [PREDICATE_TYPE.signature, {}],
    [PREDICATE_TYPE.cyclonedx, smallSbom(image)],
    [PREDICATE_TYPE.vuln, grypeReport(image, [])],
  ] as const)
    await forge.attach(image, await forge.bundle(image, type, predicate), type);
  return image;
}

async function policyFolder(files: Record<string, string>): Promise<{ policy: string }> {
  const policy = await bench.folder('policy');
  for (const name of ['policy.yaml', 'cosign.pub']) await copyFile(join(bench.workspaces.policy, name), join(policy, name));
  for (const [name, content] of Object.entries(files)) await writeFile(join(policy, name), content);
  return { policy };
}

describe('policy-check', () => {
  test('passes, publishes the verification summary once, and writes the verdict', async () => {
    const image = await securedImage('team/app');
    const before = await logSize(bench);
    const first = await runStep(base(bench, image));
    expectDone(first, image);
    expect(first.results).toMatchObject({ verdict: 'passed', failed: '', warnings: '' });
    expect(first.results['policy-digest']).toMatch(/^sha256:[0-9a-f]{64}$/);
    const verdict = JSON.parse(await readFile(join(bench.workspaces.reports, 'verdict.json'), 'utf8'));
    expect(verdict).toMatchObject({ outcome: 'passed', subject: { reference: image } });
    expect(await readFile(join(bench.workspaces.reports, 'verdict.md'), 'utf8')).toContain(image);
    const second = await runStep(base(bench, image));
    expectDone(second, image);
    expect(second.results['vsa-digest']).toBe(first.results['vsa-digest']);
    expect(await standing(bench, image)).toEqual({
      referrers: ['cyclonedx, logged', 'signature, logged', 'vsa, logged', 'vuln, logged'],
      logSize: before + 1,
    });
  });

  test('without a key nothing is published', async () => {
    const image = await securedImage('team/unpublished');
    bench.requests.length = 0;
    const end = await runStep(judging(image));
    expectDone(end, image);
    expect(end.results).toMatchObject({ verdict: 'passed', 'vsa-digest': '' });
    expect(bench.requests.filter(({ service, method }) => service === 'log' || (method !== 'GET' && method !== 'HEAD'))).toEqual([]);
  });

  test.each([
    ['without a key nobody but the registry is asked, and no name is looked up', false],
    ['with a key the log is asked as well', true],
  ])('%s', async (_what, publishes) => {
    const image = await securedImage(`team/asked-${publishes}`);
    const file = join(await bench.folder('sockets'), 'asked');
    const env = { NODE_OPTIONS: `--import=${join(import.meta.dirname, 'record-sockets.ts')}`, RECORD_SOCKETS: file };
    expectDone(await runStep({ ...(publishes ? base(bench, image) : judging(image)), env }), image);
    const asked = [...new Set((await readFile(file, 'utf8')).trim().split('\n'))];
    expect(asked.sort()).toEqual([bench.host, ...(publishes ? [new URL(bench.logUrl).host] : [])].sort());
  });

  test('with a token the summary is signed by its holder: the token goes to Fulcio alone, and is never shown', async () => {
    const image = await securedImage('team/keyless');
    const fulcio = await refusing(({ body }) => JSON.stringify({ message: `do not like ${body}` }));
    const { policy, reports } = bench.workspaces;
    const workspaces = {
      policy,
      reports,
      trust: await trustWithConfig(bench, { fulcio: fulcio.url }),
      'identity-token': await bindToken(bench, identityToken()),
    };
    const end = await runStep({ ...base(bench, image), params: { ...base(bench, image).params, 'signing-config': 'signing_config.json' }, workspaces });
    expect(end).toMatchObject({ code: 77, results: { outcome: 'refused', subject: image } });
    expect(fulcio.seen[0]?.body.toString()).toContain(SECRET_TOKEN);
    for (const part of [...SECRET_TOKEN.split('.').slice(1), SECRET_TOKEN]) expect([end.stdout, end.stderr].join()).not.toContain(part);
    expect((await standing(bench, image)).referrers).toEqual(['cyclonedx, logged', 'signature, logged', 'vuln, logged']);
  });

  test('enforce=false reports the denial, publishes it, and succeeds', async () => {
    const image = await bench.pushImage('team/tolerated');
    const end = await runStep({ ...base(bench, image), params: { ...base(bench, image).params, enforce: 'false' } });
    expect(end).toMatchObject({ code: 0, results: { outcome: 'denied', verdict: 'failed', failed: 'signed,logged,sbom,vulnerabilities', subject: image } });
    expect(end.stderr).toMatch(/^warn: enforce=false/m);
    const [vsa] = (await piecesOf(bench, image)).filter(({ predicateType }) => predicateType === PREDICATE_TYPE.vsa);
    expect(vsa?.statement?.predicate).toMatchObject({ verificationResult: 'FAILED' });
  });

  test.each([
    ['a signature that is not logged', { logged: false }, 'signed', 'logged'],
    ['a signature by a key that nobody trusts', { by: foreignKey() }, '', 'signed,logged'],
  ])('%s is told apart', async (_, options, passed, failed) => {
    const image = await bench.pushImage(`team/apart-${failed.length}`);
    const digest = await forge.attach(image, await forge.bundle(image, PREDICATE_TYPE.signature, {}, options), PREDICATE_TYPE.signature);
    const end = await runStep(judging(image));
    expectFailed(end, { kind: 'denied', code: 'VERDICT_FAILED', names: digest, subject: image });
    expect(`${end.results['failed']},`).toContain(`${failed},`);
    if (passed !== '') expect(end.stderr).toContain(`passed ${passed}:`);
  });
});

describe('failures of policy-check', () => {
  testFailures(
    spec,
    {
      ...REGISTRY_PROVOCATIONS,
      ...KEYLESS_PROVOCATIONS,
      ...KMS_PROVOCATIONS,
      SIGNER_UNCLEAR: async (stage) => ({
        workspaces: { 'identity-token': await bindToken(stage, identityToken()) },
        names: 'both the workspaces signing-key and identity-token are bound',
      }),
      INDEX_TOO_LARGE: async (stage, image) => {
        const { params, ...provoked } = await FORMAT_PROVOCATIONS.INDEX_TOO_LARGE(stage, image);
        return { ...provoked, params: { image: params?.['image'] ?? '' } };
      },
      VERDICT_FAILED: (_, image) => ({ names: new RegExp(`${image} does not meet policy default at stage build:`) }),
      POLICY_INVALID: async () => ({
        workspaces: await policyFolder({ 'policy.yaml': 'apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nrules: [{id: x, type: vibes}]\n' }),
        names: /policy\.yaml is not a policy/,
      }),
      KEY_INVALID: async () => ({ workspaces: await policyFolder({ 'cosign.pub': 'not a key' }), names: 'the key of signer release' }),
      FILE_MISSING: () => ({ params: { policy: 'release/policy.yaml' }, names: 'release/policy.yaml' }),
      FILE_UNWRITABLE: async (stage) => {
        const reports = await stage.folder('reports');
        await mkdir(join(reports, 'verdict.json'));
        return { workspaces: { reports }, names: join(reports, 'verdict.json') };
      },
      ...GATEKEEPER_PROVOCATIONS,
      SCAN_REPORT_INVALID: async ({ workspaces }) => {
        await writeFile(join(workspaces.reports, 'scan.txt'), 'NAME INSTALLED FIXED-IN\n');
        return { params: { 'scan-report': 'scan.txt' }, names: 'scan report scan.txt' };
      },
      TRUSTED_ROOT_MISSING: () => ({ params: { 'trusted-root': '' }, names: 'no trusted root' }),
      TRUSTED_ROOT_INVALID: async () => {
        const trust = await bench.folder('trust');
        await writeFile(join(trust, 'trusted_root.json'), '{}');
        return { workspaces: { trust }, names: 'trusted-root' };
      },
      LOG_UNKNOWN: ({ logUrl }) => ({ params: { 'rekor-url': `${logUrl}/shard-2` }, names: `${logUrl}/shard-2` }),
      REKOR_URL_MISSING: () => ({ params: { 'rekor-url': '' }, names: 'rekor-url' }),
      KEY_MISSING: async (stage) => ({ workspaces: { 'signing-key': await stage.folder('signing-key') }, names: 'cosign.key' }),
      KEY_PASSWORD_WRONG: async (stage) => {
        const folder = await stage.folder('signing-key');
        await copyFile(join(stage.workspaces['signing-key'], 'cosign.key'), join(folder, 'cosign.key'));
        return { workspaces: { 'signing-key': folder }, names: 'key file cosign.key' };
      },
      REKOR_REFUSED: ({ wire, logUrl }) => {
        wire.log = ({ method }) => (method === 'POST' ? { kind: 'answer', status: 400, body: '{"code":3,"message":"no such key type"}' } : undefined);
        return { names: logUrl };
      },
    },
    { bench: () => bench, base },
  );

  test('every problem of the policy is told at once, with its line', async () => {
    const workspaces = await policyFolder({
      'policy.yaml':
        'apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: {name: p}\nsigners: []\nrules:\n  - {id: a, type: signature, signers: {any: [who]}}\n  - {id: b, type: vibes}\n',
    });
    const image = await bench.pushImage('failing/policy-lines');
    const end = await runStep({ ...base(bench, image), workspaces: { ...bench.workspaces, ...workspaces } });
    expect(end.code).toBe(64);
    expect(end.stderr).toMatch(/line 6: .*who/);
    expect(end.stderr).toMatch(/line 7: .*is not a type of rule/);
  });
});
