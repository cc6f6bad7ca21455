// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../lib/log/log.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import { MEDIA_TYPE } from '../../lib/registry/oci.ts';
import { newSigningKey } from '../../lib/sigstore/test-keys.ts';
import type { Judging, JudgingDeps, JudgingOptions } from './judging.ts';
import { createPolicyState } from './policy-state.ts';
import { openJudging, readFiles } from './test-judging.ts';
import { openSetting, POLICY, type Setting } from './test-setting.ts';

let setting: Setting;
let clock = 0;
beforeAll(async () => {
  setting = await openSetting();
});
afterAll(() => setting.close());
beforeEach(() => {
  setting.laptop.faults.registry = undefined;
  setting.laptop.requests.length = 0;
});

const read = (more: object = {}) => readFiles(setting, more);
const open = (options?: Partial<JudgingOptions>, registryOf?: JudgingDeps['registryOf']) => openJudging(setting, () => clock, options, registryOf);

const tagged = async (image: DigestReference, tag: string): Promise<string> => {
  const { bytes } = await setting.laptop.registry.manifest(image);
  const { registry, repository } = image;
  await setting.laptop.registry.putManifest({ registry, repository, tag }, bytes, MEDIA_TYPE.ociManifest);
  return formatReference({ registry, repository, tag });
};

describe('the verdict about a key', () => {
  test('passed, with the image by digest and the check of each type', async () => {
    const image = await setting.signedImage();
    const judging = await open();
    expect(await judging.judge(formatReference(image))).toMatchObject({
      value: {
        verdict: 'passed',
        image: formatReference(image),
        stage: 'deploy',
        policy: { name: 'small', digest: expect.stringMatching(/^sha256:/) },
        checks: { signature: 'passed', 'log-entry': 'passed', sbom: 'failed' },
        failures: [{ rule: 'bom', remedy: expect.stringContaining('attest it as release') }],
      },
    });
  });

  test.each([
    ['unsigned', async (_: DigestReference) => {}, 'there is no signature', 'signed'],
    ['by a stranger', (image: DigestReference) => setting.laptop.attest(image, 'now', { key: newSigningKey('release') }), 'none of the trusted keys', 'signed'],
    ['not in the log', (image: DigestReference) => setting.laptop.attest(image, 'never'), 'holds no transparency log entry', 'logged'],
  ])('failed when it is %s', async (_what, prepare, reason, rule) => {
    const image = await setting.laptop.image();
    await prepare(image);
    const said = await (await open()).judge(formatReference(image));
    expect(said).toMatchObject({ value: { verdict: 'failed', rules: { [rule]: 'failed' } } });
    expect(JSON.stringify(said)).toContain(reason);
  });

  test.each([
    ['no reference', 'UPPER case', 'REFERENCE_INVALID'],
    ['a reference that is too long', `${'a'.repeat(2000)}`, 'longer than 1024'],
    ['an unknown digest', `team/app-1@sha256:${'0'.repeat(64)}`, 'MANIFEST_UNKNOWN'],
    ['an unknown tag', 'team/app-1:none', 'MANIFEST_UNKNOWN'],
  ])('is none for good about %s', async (_what, key, code) => {
    await setting.laptop.image();
    const host = key.startsWith('team/') ? `${(await setting.laptop.image()).registry}/` : '';
    const judging = await open();
    expect(await judging.judge(`${host}${key}`)).toEqual({ error: expect.stringContaining(code) });
  });

  test('is thrown, not said, while the registry is down, and nothing of it is kept', async () => {
    const image = await setting.signedImage();
    const judging = await open();
    setting.laptop.faults.registry = () => ({ kind: 'reply', status: 503 });
    await expect(judging.judge(formatReference(image))).rejects.toMatchObject({ kind: 'transient', code: 'HTTP_SERVER_ERROR' });
    setting.laptop.faults.registry = undefined;
    expect(await judging.judge(formatReference(image))).toMatchObject({ value: { verdict: 'passed' } });
  });

  test('is thrown while the evidence cannot be listed: no listing is no "unsigned"', async () => {
    const image = await setting.signedImage();
    setting.laptop.faults.registry = ({ path }) => (path.includes('/referrers/') ? { kind: 'reply', status: 500 } : undefined);
    await expect((await open()).judge(formatReference(image))).rejects.toMatchObject({ kind: 'transient' });
  });

  test('asks nobody about images from elsewhere', async () => {
    const image = await setting.signedImage();
    const judging = await open({ registries: ['registry.example.com', `${image.registry}/other`, `${image.registry}/tea`] });
    setting.laptop.requests.length = 0;
    for (const key of [formatReference(image), formatReference(image).split('@')[0] ?? ''])
      expect(await judging.judge(key)).toEqual({ error: expect.stringContaining('REGISTRY_NOT_ALLOWED') });
    expect(setting.laptop.requests).toEqual([]);
    const allowed = await open({ registries: [`${image.registry}/team/`] });
    expect(await allowed.judge(formatReference(image))).toMatchObject({ value: { verdict: 'passed' } });
  });

  test('counts evidence that is too large for nothing', async () => {
    const image = await setting.signedImage();
    const said = await (await open({ maxEvidenceBytes: 100 })).judge(formatReference(image));
    expect(said).toMatchObject({ value: { verdict: 'failed' } });
    expect(JSON.stringify(said)).toContain('for the evidence of one image at admission');
  });
});

describe('a tag', () => {
  test('stands for the digest behind it, and for another one when it was moved', async () => {
    const [good, bad] = [await setting.signedImage(), await setting.laptop.image()];
    const key = await tagged(good, 'v1');
    const judging = await open();
    expect(await judging.judge(key)).toMatchObject({ value: { verdict: 'passed', image: formatReference(good) } });
    expect(await judging.pin(key)).toEqual({ value: `${key}@${good.digest}` });
    const moved = { ...bad, repository: good.repository };
    const { bytes } = await setting.laptop.registry.manifest(bad);
    for (const { digest, size, mediaType } of [JSON.parse(bytes.toString()).config, ...JSON.parse(bytes.toString()).layers]) {
      const chunks: Buffer[] = [];
      for await (const chunk of setting.laptop.registry.blob(bad, { digest, size, mediaType })) chunks.push(chunk);
      await setting.laptop.registry.putBlob(moved, Buffer.concat(chunks));
    }
    await setting.laptop.registry.putManifest({ registry: good.registry, repository: good.repository, tag: 'v1' }, bytes, MEDIA_TYPE.ociManifest);
    clock += 11;
    expect(await judging.judge(key)).toMatchObject({ value: { verdict: 'failed', image: formatReference(moved) } });
  });

  test('beside a digest says nothing', async () => {
    const image = await setting.signedImage();
    const key = formatReference({ ...image, tag: 'whatever' });
    const judging = await open();
    expect(await judging.judge(key)).toMatchObject({ value: { verdict: 'passed', image: formatReference(image) } });
    setting.laptop.requests.length = 0;
    expect(await judging.pin(key)).toEqual({ value: key });
    expect(setting.laptop.requests).toEqual([]);
  });

  test('cannot be pinned when there is none, and the registry being down is not that', async () => {
    const image = await setting.laptop.image();
    const judging = await open();
    const key = `${image.registry}/${image.repository}:none`;
    expect(await judging.pin(key)).toEqual({ error: expect.stringContaining('MANIFEST_UNKNOWN') });
    setting.laptop.faults.registry = () => ({ kind: 'cut' });
    await expect(judging.pin(`${key}2`)).rejects.toMatchObject({ kind: 'transient', code: 'HTTP_UNREACHABLE' });
  });
});

describe('what is kept', () => {
  test('is a good verdict for long, a bad one for short, and both by digest', async () => {
    const [good, bad] = [await setting.signedImage(), await setting.laptop.image()];
    const judging = await open();
    for (const step of [0, 99, 1, 900]) {
      clock += step;
      await judging.judge(formatReference(good));
      await judging.judge(formatReference({ ...good, tag: 'v1' }));
      await judging.judge(formatReference(bad));
    }
    const of = (way: string) => judging.ways.filter((seen) => seen === `verdict ${way}`).length;
    expect({ hits: of('hit'), misses: of('miss') }).toEqual({ hits: 7, misses: 5 });
    expect(judging.kept().entries).toBe(2);
  });

  test('is asked for once by many at a time', async () => {
    const image = await setting.signedImage();
    const judging = await open();
    setting.laptop.requests.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => judging.judge(formatReference(image))));
    expect(setting.laptop.requests.filter((line) => line.includes('/referrers/'))).toHaveLength(1);
  });
});

describe('the mounted files', () => {
  const problems: string[] = [];
  const log = { ...silentLogger, error: (message: string) => problems.push(message) };
  const stateOf = () =>
    createPolicyState({ read, open: (material) => ({ revision: material.revision }) as Judging, log, onError: (code) => problems.push(code) });

  test('make another revision when any of them changes, and the same when none does', async () => {
    const revisions = [(await read()).revision, (await read()).revision, (await read({ stage: 'build' })).revision];
    await setting.write('registry/config.json', '{"auths": {}}');
    revisions.push((await read()).revision);
    await setting.write('policy/policy.yaml', `${POLICY}# reviewed\n`);
    revisions.push((await read()).revision);
    expect([...new Set(revisions)]).toHaveLength(4);
    expect(revisions[0]).toBe(revisions[1]);
  });

  test('that cannot be used judge nothing, loudly, until they can be', async () => {
    await setting.write('policy/policy.yaml', POLICY);
    const state = stateOf();
    expect(() => state.judging()).toThrow(expect.objectContaining({ kind: 'transient', code: 'POLICY_UNUSABLE' }));
    await state.reload();
    const first = state.judging();
    await state.reload();
    expect(state.judging()).toBe(first);
    await setting.write('policy/policy.yaml', 'kind: Policy\n');
    problems.length = 0;
    await state.reload();
    expect(() => state.judging()).toThrow(/nothing can be judged: policy.yaml is not a policy/);
    expect(state.status()).toMatchObject({ good: false, everGood: true, problem: expect.stringContaining('POLICY_INVALID') });
    expect(problems).toEqual(['POLICY_INVALID', expect.stringContaining('nothing is admitted')]);
    await setting.write('policy/policy.yaml', POLICY);
    await state.reload();
    expect(state.judging().revision).toBe(first.revision);
  });

  test.each([
    ['no trusted root for a policy that asks for log entries', { trustedRoot: undefined }, 'TRUSTED_ROOT_MISSING'],
    ['a trusted root that is not there', { trustedRoot: '/nowhere/trusted_root.json' }, 'TRUSTED_ROOT_MISSING'],
    ['no policy', { policy: 'none.yaml' }, 'FILE_MISSING'],
    ['no folder with the policy', { policyFolder: '/nowhere' }, 'POLICY_MISSING'],
  ])('are refused with %s', async (_what, more, code) => {
    await expect(read(more)).rejects.toMatchObject({ kind: 'input', code });
  });

  test('need no trusted root when nothing asks for a log', async () => {
    await setting.write('policy/policy.yaml', POLICY.replace(/^.*log-entry.*\n/m, ''));
    expect((await read({ trustedRoot: undefined })).trust).toBeUndefined();
    await setting.write('policy/policy.yaml', POLICY);
  });

  test('with credentials of no shape are refused', async () => {
    await setting.write('registry/.dockerconfigjson', 'user:password');
    await expect(read()).rejects.toMatchObject({ kind: 'input', code: 'DOCKER_CONFIG_INVALID' });
    await setting.write('registry/.dockerconfigjson', '{"auths": {"registry.example.com": {"username": "ann", "password": "seven-blue-herons"}}}');
    expect((await read()).logins.shared('registry.example.com', 'app')).toMatchObject({ kind: 'password', username: 'ann' });
  });
});
