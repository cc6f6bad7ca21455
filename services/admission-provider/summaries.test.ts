// SPDX-License-Identifier: Apache-2.0

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import type { LocalKey } from '../../lib/sigstore/signing-key.ts';
import { newSigningKey } from '../../lib/sigstore/test-keys.ts';
import { SUMMARY_POLICY, SUMMARY_TYPE, summaryOf } from '../../lib/verify/test-summaries.ts';
import type { JudgingDeps, JudgingOptions } from './judging.ts';
import { openJudging, readFiles } from './test-judging.ts';
import { openSetting, POLICY, type Setting } from './test-setting.ts';

let setting: Setting;
const clock = 0;
beforeAll(async () => {
  setting = await openSetting();
});
afterAll(() => setting.close());

const read = (more: object = {}) => readFiles(setting, more);
const open = (options?: Partial<JudgingOptions>, registryOf?: JudgingDeps['registryOf']) => openJudging(setting, () => clock, options, registryOf);

describe('a verification summary in place of the evidence', () => {
  afterEach(async () => {
    await rm(join(setting.root, 'policy/summary-policy.yaml'), { force: true });
  });

  async function prepare(): Promise<LocalKey> {
    const verifier = newSigningKey('verifier');
    await setting.write('policy/verifier.pub', verifier.key.export({ type: 'spki', format: 'pem' }).toString());
    await setting.write('policy/summary-policy.yaml', SUMMARY_POLICY);
    return verifier;
  }
  const summarised = async (key: LocalKey, more: object = {}): Promise<DigestReference> => {
    const image = await setting.laptop.image();
    const predicate = summaryOf(`${image.registry}/${image.repository}`, new Date(clock).toISOString(), more);
    await setting.laptop.attest(image, 'now', { key, predicateType: SUMMARY_TYPE, predicate });
    return image;
  };

  test('is accepted by the summary policy alone, and then nothing else is read', async () => {
    const verifier = await prepare();
    const image = await summarised(verifier);
    await setting.laptop.attest(image, 'now', { predicateType: 'cyclonedx', predicate: {} });
    const judging = await open();
    setting.laptop.requests.length = 0;
    expect(await judging.summarise(formatReference(image))).toMatchObject({
      value: {
        verdict: 'passed',
        image: formatReference(image),
        policy: { name: 'cluster', digest: expect.stringMatching(/^sha256:/) },
        stage: 'deploy',
        checks: { 'verification-summary': 'passed' },
        failures: [],
      },
    });
    expect(setting.laptop.requests.filter((line) => line.includes('/blobs/'))).toHaveLength(1);
    expect(await judging.judge(formatReference(image))).toMatchObject({ value: { verdict: 'failed', checks: { signature: 'failed' } } });
  });

  test('is refused with what is wrong and what to do', async () => {
    const verifier = await prepare();
    const failed = await summarised(verifier, { verificationResult: 'FAILED', verifiedLevels: ['FAILED'] });
    const forged = await summarised(newSigningKey('verifier'));
    const judging = await open();
    expect(await judging.summarise(formatReference(failed))).toMatchObject({
      value: {
        verdict: 'failed',
        checks: { 'verification-summary': 'failed' },
        failures: [{ message: expect.stringContaining('says FAILED'), remedy: expect.stringContaining('policy-check') }],
      },
    });
    expect(await judging.summarise(formatReference(forged))).toMatchObject({ value: { verdict: 'failed' } });
    const good = await setting.signedImage();
    expect(await judging.summarise(formatReference(good))).toMatchObject({ value: { verdict: 'failed' } });
  });

  test('is accepted by nobody without a summary policy', async () => {
    const judging = await open();
    await expect(judging.summarise(formatReference(await setting.signedImage()))).rejects.toMatchObject({ kind: 'transient', code: 'SUMMARY_POLICY_MISSING' });
  });

  test('makes another revision by its policy, which needs a trusted root, too', async () => {
    const before = (await read()).revision;
    await prepare();
    expect((await read()).revision).not.toBe(before);
    await setting.write('policy/policy.yaml', POLICY.replace(/^.*log-entry.*\n/m, ''));
    await expect(read({ trustedRoot: undefined })).rejects.toMatchObject({ code: 'TRUSTED_ROOT_MISSING', message: expect.stringContaining('summary policy') });
    await setting.write('policy/policy.yaml', POLICY);
  });
});
