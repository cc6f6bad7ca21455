// SPDX-License-Identifier: Apache-2.0
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { parseInputs } from '../../lib/spec/parse.ts';
import type { RunFacts, TaskFact } from './facts.ts';
import { buildNotice, type Notice } from './notice.ts';
import { spec } from './spec.ts';
import { type ToldParams, toldParams } from './told-params.ts';

export const IMAGE = `registry.example.com/team/app:1.4.0@sha256:${'4b825dc6'.repeat(8)}`;
export const REVISION = '6c1a49b0f2d14f1f8a4b3c5d6e7f8091a2b3c4d5';

/** Params as the step gets them, from texts as Tekton passes them. */
export function testParams(params: Record<string, string> = {}): ToldParams {
  const texts = {
    ...{ image: IMAGE, channels: 'log', run: 'team/deliver/deliver-x7k2p', status: 'Failed', revision: REVISION, 'pull-request': '17' },
    ...{ repository: 'https://github.com/team/app.git', url: 'https://tekton.example.com/runs/deliver-x7k2p?a=1&b=2' },
    ...params,
  };
  const argv = Object.entries(texts).map(([name, value]) => `--${name}=${value}`);
  const { params: parsed } = parseInputs(spec, argv, {});
  return { ...toldParams(parsed).params, image: texts.image === '' ? undefined : parseDigestReference(texts.image) };
}

export function task(name: string, fact: Partial<TaskFact> = {}): TaskFact {
  return { name, state: 'Succeeded', reason: 'Succeeded', message: '', ignored: false, results: {}, completionTime: '2026-01-08T10:03:12Z', ...fact };
}

export const FACTS: RunFacts = {
  cancelled: false,
  startTime: '2026-01-08T10:00:00Z',
  tasks: [
    task('sbom'),
    task('verdict', {
      state: 'Failed',
      reason: 'Failed',
      message: 'step exited with code 20\nrule signed: no signature',
      results: { outcome: 'denied', verdict: 'failed' },
    }),
    task('deploy', { state: 'Skipped', completionTime: undefined }),
  ],
};

export function testNotice(params: Record<string, string> = {}, facts: RunFacts | undefined = FACTS, notes: string[] = []): Notice {
  return buildNotice(testParams(params), facts, notes);
}
