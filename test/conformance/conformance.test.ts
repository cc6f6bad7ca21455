// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyFile } from '../../cli/conformance/verify-file.ts';
import { StepError } from '../../lib/errors/errors.ts';
import { CASES } from './cases.ts';
import { type Given, questionOf, runCase } from './suite.ts';
import { writeCases } from './write-cases.ts';

let folder: string;
let assets: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  assets = join(folder, 'bundle-verify');
  await writeCases(assets);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const GIVEN: readonly Given[] = ['path', 'digest'];

/** `verified`, or the code of the refusal; an error of another kind is no verdict and fails the test. */
async function verdict(name: string, given: Given): Promise<string> {
  try {
    await verifyFile(await questionOf(assets, name, given));
    return 'verified';
  } catch (error) {
    if (error instanceof StepError && (error.kind === 'denied' || error.kind === 'input')) return error.code;
    throw error;
  }
}

describe.each(GIVEN)('by %s', (given) => {
  it.each(Object.keys(CASES))('%s', async (name) => {
    const found = await verdict(name, given);
    if (name.endsWith('_fail')) expect(found).not.toBe('verified');
    else expect(found).toBe('verified');
  });
});

describe('the program', () => {
  it.each([
    ['happy-path', 'path', 0],
    ['happy-path', 'digest', 0],
    ['key-without-log', 'digest', 0],
    ['signature-mismatch_fail', 'digest', 20],
    ['statement-of-another_fail', 'path', 20],
    ['log-key-window-without-start_fail', 'path', 64],
  ] as const)(
    '%s by %s ends with %i',
    async (name, given, code) => {
      expect(await runCase(assets, name, given)).toMatchObject({ right: true, code });
    },
    90_000,
  );
});
