// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { succeeded } from '../cosign/run-command.ts';
import { type Cosign, openCosign } from './cosign.ts';
import { pushNewImage } from './images.ts';
import { type Keyless, openKeyless } from './keyless.ts';
import { SBOM } from './steps.ts';
import { verifyByIdentity, verifyByPolicy } from './verify.ts';

const BOT = { serviceAccount: 'build/bot' };
const TAGS = ['--new-bundle-format=false'];

let folder: string;
let cosign: Cosign;
let ours: Keyless;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigstore-legacy-'));
  cosign = await openCosign(join(folder, 'cosign'));
  ours = await openKeyless(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(['key', 'token'] as const)('format=%s under the tags, logged in Rekor v1, verifies with cosign and with us, and is kept', async (who) => {
  const image = await pushNewImage('legacy');
  const by = who === 'key' ? { key: true as const } : BOT;
  const expected = who === 'key' ? { publicKey: ours.publicKey } : BOT;
  for (const params of [{ format: 'legacy' }, { format: 'legacy', ...SBOM }]) {
    const first = await ours.sign(image, by, 'v1', params);
    expect(first, first.stderr).toMatchObject({ code: 0, results: { action: 'signed', 'log-index': expect.stringMatching(/^\d+$/) } });
    expect(await ours.sign(image, by, 'v1', params)).toMatchObject({ code: 0, results: { action: 'kept', 'log-index': first.results['log-index'] } });
  }
  succeeded(await cosign.verify(image, expected, TAGS), 'cosign verify');
  succeeded(await cosign.verifyAttestation(image, 'cyclonedx', expected, TAGS), 'cosign verify-attestation');
  const judged = who === 'key' ? await verifyByPolicy(folder, image, ours.publicKey) : await verifyByIdentity(folder, image, BOT);
  expect(judged, judged.stdout).toMatchObject({ code: 0 });
});

test('format=both attests with one signature and one log entry', async () => {
  const image = await pushNewImage('legacy-both');
  const first = await ours.sign(image, BOT, 'v1', { format: 'both', ...SBOM });
  expect(first, first.stderr).toMatchObject({ code: 0, results: { action: 'signed' } });
  for (const flags of [TAGS, []]) succeeded(await cosign.verifyAttestation(image, 'cyclonedx', BOT, flags), 'cosign verify-attestation');
  const { verdict } = await verifyByIdentity(folder, image, BOT);
  const indexes = verdict.evidence.map(({ log }) => log?.index);
  expect(indexes).toHaveLength(2);
  expect(new Set(indexes)).toEqual(new Set([Number(first.results['log-index'])]));
});
