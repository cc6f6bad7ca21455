// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listedReferrers } from '../cosign/images.ts';
import { succeeded } from '../cosign/run-command.ts';
import { mintToken, TRUST } from './bed.ts';
import { type Cosign, openCosign } from './cosign.ts';
import { pushNewImage } from './images.ts';
import { openSteps, SBOM, type Steps } from './steps.ts';
import { verifyByPolicy } from './verify.ts';

/** Exit code of cosign where it sees no signature at all. */
const NO_SIGNATURE = 10;

let folder: string;
let cosign: Cosign;
let steps: Steps;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigstore-rekor-'));
  cosign = await openCosign(join(folder, 'cosign'));
  steps = await openSteps(join(folder, 'steps'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('log=now: cosign accepts the signature and the attestation, and running again adds nothing', async () => {
  const image = await pushNewImage('now');
  const signed = [await steps.sign(image), await steps.sign(image, SBOM)];
  expect(signed).toMatchObject([
    { code: 0, results: { action: 'signed', 'log-index': expect.stringMatching(/^\d+$/) } },
    { code: 0, results: { action: 'signed' } },
  ]);
  succeeded(await cosign.verify(image, steps), 'cosign verify');
  succeeded(await cosign.verifyAttestation(image, 'cyclonedx', steps), 'cosign verify-attestation');
  expect(await verifyByPolicy(folder, image, steps.publicKey)).toMatchObject({ code: 0 });

  const listed = await listedReferrers(image);
  expect(listed).toEqual(signed.map(({ results }) => results['bundle-digest']).sort());
  const again = [await steps.sign(image), await steps.sign(image, SBOM)];
  expect(again).toMatchObject(signed.map(({ results }) => ({ code: 0, results: { ...results, action: 'kept' } })));
  expect(await steps.upload(image)).toMatchObject({ code: 0, results: { completed: '0', proved: '2' } });
  expect(await listedReferrers(image)).toEqual(listed);
});

test('log=later: cosign accepts it once rekor-upload has been there, and not before', async () => {
  const image = await pushNewImage('later');
  expect(await steps.sign(image, { log: 'later' })).toMatchObject({ code: 0, results: { action: 'pending', 'log-index': '' } });
  expect(await cosign.verify(image, steps)).toMatchObject({ code: NO_SIGNATURE });
  expect(await verifyByPolicy(folder, image, steps.publicKey)).toMatchObject({ code: 20 });

  expect(await steps.upload(image)).toMatchObject({ code: 0, results: { completed: '1', proved: '1' } });
  succeeded(await cosign.verify(image, steps), 'cosign verify');
  expect(await verifyByPolicy(folder, image, steps.publicKey)).toMatchObject({ code: 0 });

  const listed = await listedReferrers(image);
  expect(listed).toHaveLength(1);
  expect(await steps.upload(image)).toMatchObject({ code: 0, results: { completed: '0', proved: '1' } });
  expect(await steps.sign(image)).toMatchObject({ code: 0, results: { action: 'kept', 'bundle-digest': listed[0] } });
  expect(await listedReferrers(image)).toEqual(listed);
});

test('no verifier takes a pending signature, not even cosign when it is told to do without a log', async () => {
  const image = await pushNewImage('pending');
  expect(await steps.sign(image, { log: 'later' })).toMatchObject({ code: 0, results: { action: 'pending' } });
  expect(await cosign.verify(image, steps, ['--insecure-ignore-tlog'])).toMatchObject({ code: NO_SIGNATURE });
});

test("rekor-upload proves cosign's entries beside ours: by key, by certificate, and passes over those of another log", async () => {
  const image = await pushNewImage('mixed');
  const token = await mintToken({ namespace: 'build', serviceAccount: 'bot' });
  succeeded(await cosign.sign(image, { key: true }, ['--signing-config', TRUST.signingConfig]), 'cosign sign --key');
  succeeded(await cosign.sign(image, { token }, ['--signing-config', TRUST.signingConfig]), 'cosign sign, Rekor v2');
  succeeded(await cosign.sign(image, { token }, ['--signing-config', TRUST.signingConfigV1]), 'cosign sign, Rekor v1');
  expect(await steps.sign(image)).toMatchObject({ code: 0, results: { action: 'signed' } });
  const end = await steps.upload(image);
  expect(end).toMatchObject({ code: 0, results: { completed: '0', proved: '3' } });
  expect(end.stderr).toMatch(/logged elsewhere; this log cannot prove it/);
});

test('the POSIX server serves no tiles: without rekor-read-url the answer says what to do', async () => {
  const image = await pushNewImage('unread');
  await steps.sign(image);
  const end = await steps.upload(image, { 'rekor-read-url': '' });
  expect(end).toMatchObject({ code: 77, results: { outcome: 'refused' } });
  expect(end.stderr).toContain('code=LOG_NOT_READABLE');
});
