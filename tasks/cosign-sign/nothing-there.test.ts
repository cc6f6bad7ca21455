// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Laptop, startLaptop } from '../../lib/evidence/test-laptop.ts';
import { failureOf } from '../../lib/http/test-server.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { formatReference } from '../../lib/reference/reference.ts';
import { COSIGN_KEY } from '../../lib/sigstore/test-keys.ts';
import { parseInputs } from '../../lib/spec/parse.ts';
import { run } from './run.ts';
import { spec } from './spec.ts';

let laptop: Laptop;
let folder: string;
beforeAll(async () => {
  laptop = await startLaptop();
  folder = await mkdtemp(join(tmpdir(), 'signing-'));
  await writeFile(join(folder, 'cosign.key'), COSIGN_KEY.privatePem);
  await writeFile(join(folder, 'cosign.password'), COSIGN_KEY.password);
});
afterAll(async () => {
  await laptop.close();
  await rm(folder, { recursive: true });
});

function sign(image: string): ReturnType<typeof run> {
  const inputs = parseInputs(spec, [`--image=${image}`, `--rekor-url=${laptop.log.running.url}`], { WORKSPACE_SIGNING_KEY: folder });
  const signal = new AbortController().signal;
  const { http } = laptop.log;
  const given = { log: silentLogger, http, registry: laptop.registry, trustedRoot: undefined, now: () => new Date(), signal, version: '1.2.3' };
  return run(inputs, { ...given, sourceDateEpoch: undefined });
}

test('an artifact that is not there is not signed, and nothing of it gets into the log', async () => {
  const image = formatReference({ ...(await laptop.image()), digest: `sha256:${'1'.repeat(64)}` });
  const before = await laptop.logSize();
  expect(await failureOf(sign(image))).toMatchObject({ kind: 'refused', code: 'MANIFEST_UNKNOWN' });
  expect(await laptop.logSize()).toBe(before);
});

test('one that is there is, once', async () => {
  const image = formatReference(await laptop.image());
  const before = await laptop.logSize();
  expect((await sign(image)).results).toMatchObject({ action: 'signed', 'log-index': String(before) });
  expect((await sign(image)).results).toMatchObject({ action: 'kept' });
  expect(await laptop.logSize()).toBe(before + 1);
});
