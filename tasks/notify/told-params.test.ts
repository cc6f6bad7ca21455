// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { parseInputs } from '../../lib/spec/parse.ts';
import { spec } from './spec.ts';
import { REVISION } from './test-notice.ts';
import { toldParams } from './told-params.ts';

const BASE = { channels: 'log', run: 'team/deliver/deliver-x7k2p', status: 'Failed' };

function told(params: Record<string, string>): ReturnType<typeof toldParams> {
  const argv = Object.entries({ ...BASE, ...params }).map(([name, value]) => `--${name}=${value}`);
  return toldParams(parseInputs(spec, argv, {}).params);
}

test('good values come through, empty ones are no problem', () => {
  const { params, problems } = told({ revision: REVISION, repository: 'https://git.example.com/team/app', 'pull-request': '17', url: '' });
  expect(params).toMatchObject({ revision: REVISION, repository: 'https://git.example.com/team/app', 'pull-request': 17, url: undefined });
  expect([...problems]).toEqual([]);
});

test.each([
  ['revision', 'main', 'full hash'],
  ['revision', REVISION.slice(0, 12), 'full hash'],
  ['pull-request', 'pr-17', 'number'],
  ['repository', 'git@git.example.com:team/app.git', 'URL'],
  ['url', 'tekton.example.com/run', 'URL'],
])('%s=%s is left out and told', (name, value, word) => {
  const { params, problems } = told({ [name]: value });
  expect(params[name as 'revision']).toBeUndefined();
  expect([...problems]).toEqual([[name, expect.stringContaining(word)]]);
});
