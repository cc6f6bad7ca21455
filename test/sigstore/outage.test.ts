// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { listedReferrers } from '../cosign/images.ts';
import { succeeded } from '../cosign/run-command.ts';
import { runBed, signalDaemon } from './bed.ts';
import { type Cosign, openCosign } from './cosign.ts';
import { pushNewImage } from './images.ts';
import { openSteps, SBOM, type Steps } from './steps.ts';

let folder: string;
let cosign: Cosign;
let steps: Steps;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigstore-outage-'));
  cosign = await openCosign(join(folder, 'cosign'));
  steps = await openSteps(join(folder, 'steps'));
});
afterEach(startLog);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function startLog(): Promise<void> {
  succeeded(await runBed(['up', '--only', 'rekor-v2']), 'cluster up');
}

const SHORT = { timeout: '5s' };

test.each(['now', 'later'])('a log that is down is a transient end with log=%s, and the same command later leaves one bundle', async (log) => {
  const image = await pushNewImage('down');
  if (log === 'later') expect(await steps.sign(image, { log })).toMatchObject({ code: 0 });
  const run = (params: Record<string, string> = {}) => (log === 'later' ? steps.upload(image, params) : steps.sign(image, params));
  await signalDaemon('rekor-v2', 'SIGKILL');
  expect(await run(SHORT)).toMatchObject({ code: 75, results: { outcome: 'transient' } });

  await startLog();
  expect(await run()).toMatchObject({ code: 0, results: { outcome: 'ok' } });
  succeeded(await cosign.verify(image, steps), 'cosign verify');
  expect(await listedReferrers(image)).toHaveLength(1);
});

test('a log that hangs is a transient end; what it logs after all does no harm', async () => {
  const image = await pushNewImage('hanging');
  await signalDaemon('rekor-v2', 'SIGSTOP');
  const end = await steps.sign(image, SHORT);
  await signalDaemon('rekor-v2', 'SIGCONT');
  expect(end).toMatchObject({ code: 75, results: { outcome: 'transient' } });
  // The server cancels what waited in it while it hung, and answers 499 to some that come just then: transient, too.
  let again = await steps.sign(image);
  for (let tries = 1; tries < 5 && again.code === 75; tries += 1) again = await steps.sign(image);
  expect(again).toMatchObject({ code: 0, results: { action: 'signed' } });
  succeeded(await cosign.verify(image, steps), 'cosign verify');
  expect(await listedReferrers(image)).toHaveLength(1);
});

test('a log that dies between two signatures: the one is complete, the other is completed by the next run', async () => {
  const image = await pushNewImage('between');
  for (const what of [{}, SBOM]) expect(await steps.sign(image, { ...what, log: 'later' })).toMatchObject({ code: 0 });
  let killed: Promise<void> | undefined;
  const end = await steps.upload(image, SHORT, {
    onSpawn: ({ stderr }) => {
      stderr?.on('data', (said: Buffer) => {
        if (said.includes('pending signature logged and published')) killed ??= signalDaemon('rekor-v2', 'SIGKILL');
      });
    },
  });
  await killed;
  expect(end).toMatchObject({ code: 75, results: { outcome: 'transient' } });

  await startLog();
  expect(await steps.upload(image)).toMatchObject({ code: 0, results: { completed: '1', proved: '2' } });
  succeeded(await cosign.verify(image, steps), 'cosign verify');
  succeeded(await cosign.verifyAttestation(image, 'cyclonedx', steps), 'cosign verify-attestation');
  expect(await listedReferrers(image)).toHaveLength(2);
});
