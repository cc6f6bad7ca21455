// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { deniedError } from '../errors/errors.ts';
import { defineTask } from '../spec/spec.ts';
import { ARGV, IMAGE, sampleSpec } from '../spec/test-spec.ts';
import { type Run, runStep, type StepProcess } from './step.ts';

const { enforce: _, ...params } = sampleSpec.params;
const strictSpec = defineTask({ ...sampleSpec, image: 'required', params, workspaces: {}, results: { weight: { description: 'The weight.' } } });

const results = { subject: IMAGE, weight: '7' };
const denied: Run<typeof strictSpec> = async () => ({ results, denied: deniedError('TOO_HEAVY', 'it is too heavy') });

function around(argv: readonly string[]): StepProcess & { said: string[] } {
  const said: string[] = [];
  const stderr = (text: string): void => void said.push(text);
  return { argv, env: {}, stdout: stderr, stderr, now: () => new Date(), stop: new AbortController().signal, version: '1.2.3', said };
}

it('a denial fails every step that has no param enforce', async () => {
  const process = around(ARGV);
  expect(await runStep(strictSpec, denied, process)).toBe(20);
  expect(process.said.join('')).toContain('error: it is too heavy code=TOO_HEAVY');
});

it.each(['--enforce=false', '--enforce'])('and none such takes %s', async (more) => {
  const process = around([...ARGV, more]);
  expect(await runStep(strictSpec, denied, process)).toBe(64);
  expect(process.said.join('')).toContain('there is no such param');
});
