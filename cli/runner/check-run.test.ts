// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inputError, StepError } from '../../lib/errors/errors.ts';
import type { RunOptions } from './run-pipeline.ts';
import { runShort, type ShortPipeline, type ShortTask } from './test-run.ts';

let tempRoot: string;
beforeEach(async () => {
  tempRoot = await mkdtemp(join(tmpdir(), 'runner-test-'));
});
afterEach(() => rm(tempRoot, { recursive: true, force: true }));

async function refusal(spec: ShortPipeline, options: Partial<RunOptions> = {}): Promise<string[]> {
  const error = await runShort(spec, { ...options, tempRoot }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StepError);
  expect(error).toMatchObject({ kind: 'input', code: 'RUNNER_INPUT' });
  expect(await readdir(tempRoot)).toEqual([]);
  return (error as StepError).message.split('\n');
}

describe('refused before anything starts', () => {
  it('all that is wrong with params and workspaces at once', async () => {
    const problems = await refusal(
      {
        params: [{ name: 'image' }, { name: 'names', type: 'array' }],
        workspaces: [{ name: 'source' }, { name: 'reports', optional: true }],
        tasks: [
          {
            name: 'a',
            task: { workspaces: [{ name: 'r' }, { name: 's' }] },
            workspaces: [
              { name: 'r', workspace: 'reports' },
              { name: 'q', workspace: 'none' },
            ],
          },
        ],
      },
      { params: { names: 'one', imgae: 'x' }, workspaces: { sourcecode: '/no/such/folder' } },
    );
    expect(problems).toEqual([
      'Pipeline p has no param "imgae"',
      'Pipeline p needs param "image"',
      'Pipeline p param "names" must be an array, not a string',
      'Pipeline p has no workspace "sourcecode"',
      'Pipeline p needs workspace "source"',
      'workspace "sourcecode": /no/such/folder is not a folder',
      'Pipeline p, task a: Task a has no workspace "q"',
      'Pipeline p, task a: the Pipeline has no workspace "none"',
      'Pipeline p, task a: Task a needs workspace "r", but workspace "reports" was not given',
      'Pipeline p, task a: Task a needs workspace "s"',
    ]);
  });

  it.each<[string, ShortTask[], ShortTask[], string]>([
    ['an unknown variable in a param', [{ name: 'a', reads: { x: '$(params.none)' } }], [], 'task a: param "x": unknown variable $(params.none)'],
    ['an unknown variable in a guard', [{ name: 'a', when: [{ input: '$(params.none)', operator: 'in', values: [] }] }], [], 'task a: when: unknown variable'],
    [
      'an unknown variable in a step',
      [{ name: 'a', code: '$(workspaces.w.path)' }],
      [],
      'task a: Task a, step unnamed-0: unknown variable $(workspaces.w.path)',
    ],
    ['a status outside finally', [{ name: 'a' }, { name: 'b', reads: { x: '$(tasks.a.status)' } }], [], 'unknown variable $(tasks.a.status)'],
    ['the status of a finally task', [{ name: 'a' }], [{ name: 'y' }, { name: 'z', reads: { x: '$(tasks.y.status)' } }], 'unknown variable $(tasks.y.status)'],
    [
      'a circle',
      [
        { name: 'a', runAfter: ['b'] },
        { name: 'b', runAfter: ['a'] },
      ],
      [],
      'wait for each other',
    ],
    ['a param that the Task lacks', [{ name: 'a', params: [{ name: 'extra', value: 'x' }] }], [], 'task a: Task a has no param "extra"'],
    ['a param that the Task needs', [{ name: 'a', task: { params: [{ name: 'must' }] } }], [], 'task a: Task a needs param "must"'],
    [
      'a param of the wrong type',
      [{ name: 'a', task: { params: [{ name: 'p', type: 'array' }] }, params: [{ name: 'p', value: 'x' }] }],
      [],
      'must be an array',
    ],
  ])('%s', async (_, tasks, last, problem) => {
    const problems = await refusal({ tasks, finally: last });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it('an image that nobody stands in for', async () => {
    const resolveContainer = () => {
      throw inputError('RUNNER_IMAGE', 'no bundle for example.test/node:1');
    };
    expect(await refusal({ tasks: [{ name: 'a' }] }, { resolveContainer })).toEqual(['Pipeline p, task a: no bundle for example.test/node:1']);
  });
});
