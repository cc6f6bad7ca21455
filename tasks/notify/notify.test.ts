// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { closeAll, failureOf, serve, testClient } from '../../lib/http/test-server.ts';
import { createKubeClient } from '../../lib/kube/client.ts';
import { registerSecret } from '../../lib/log/redact.ts';
import { clean, cutText } from './clean.ts';
import { Channels, Commit, Count, Details, ReadRun, Run, Slack } from './params.ts';
import { readRun } from './read-run.ts';
import { readRunFile } from './run-file.ts';

afterEach(closeAll);

describe('params', () => {
  test('are what they should be', () => {
    expect(Channels.parse('slack, log\nslack')).toEqual(['slack', 'log']);
    expect(Run.parse('team/deliver/deliver-x.1')).toEqual({ namespace: 'team', pipeline: 'deliver', name: 'deliver-x.1' });
    expect(Slack.parse('C0123456789')).toEqual({ channel: 'C0123456789', api: 'https://slack.com/api', thread: undefined, update: undefined });
    expect(Slack.parse('C0123456789/reply:1405894322.002768').thread).toBe('1405894322.002768');
    expect(Slack.parse('G0123456789/update:1405894322.002768=https://slack-gov.com/api/')).toMatchObject({
      api: 'https://slack-gov.com/api',
      update: '1405894322.002768',
    });
    expect(['none', 'cluster', 'a/run.json'].map((text) => ReadRun.parse(text).kind)).toEqual(['none', 'cluster', 'file']);
    expect(Details.parse('A: 1\n\nB:\n C d: x: y \r\n')).toEqual([
      { name: 'A', value: '1' },
      { name: 'C d', value: 'x: y' },
    ]);
    expect(Count.parse('17')).toBe(17);
  });

  test.each([
    [Channels, 'slack,mail'],
    [Run, 'team/deliver-x7k2p'],
    [Run, 'team//x'],
    [Run, 'team/Deliver/x'],
    [Run, 'a/b/c/d'],
    [Slack, '#deploys'],
    [Slack, 'C0123456789=ftp://x'],
    [Slack, 'C0123456789=https://u:p@x'],
    [Slack, 'C0123456789/reply:1405894322'],
    [Slack, 'C0123456789/delete:1405894322.002768'],
    [ReadRun, 'true'],
    [ReadRun, '../run.json'],
    [Details, 'no colon'],
    [Details, `${'n'.repeat(41)}: x`],
    [Details, 'a: x\n'.repeat(21)],
    [Commit, '6c1a49b'],
    [Count, '0'],
  ])('%# refuses %s', (schema, text) => {
    expect(schema.safeParse(text).success).toBe(false);
  });
});

describe('clean text', () => {
  test.each([
    ['a ghp_0123456789abcdefghij b', 'a *** b'],
    ['xoxb-1234567890-abcdef', '***'],
    ['glpat-abcdefghijklmnop1234', '***'],
    ['AKIAIOSFODNN7EXAMPLE', '***'],
    ['Authorization: Bearer abcdef.ghijkl', 'Authorization: Bearer ***'],
    ['https://user:pw@host/x', 'https://***@host/x'],
    ['https://hooks.slack.com/services/T0/B0/xyz !', 'https://hooks.slack.com/*** !'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig', '***'],
    ['x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y', 'x *** y'],
    ['-----BEGIN PRIVATE KEY-----\nMIIE', '***'],
    ['-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE\n-----END RSA PRIVATE KEY-----', '***'],
    ['a\r\nb\u0007\u202ec\u2028d', 'a\nb  c d'],
    ['repo@sha256:abc of https://host/a@b', 'repo@sha256:abc of https://host/a@b'],
  ])('%j', (text, shown) => {
    expect(clean(text)).toBe(shown);
  });

  test('has no registered value in any form', () => {
    registerSecret('quiet-heron-7730');
    const base64 = Buffer.from('quiet-heron-7730').toString('base64');
    expect(clean(`x quiet-heron-7730 ${base64}`)).toBe('x *** ***');
  });

  test('is cut with a word about it', () => {
    expect(cutText('x'.repeat(12), 10)).toBe(`${'x'.repeat(10)} … (2 more characters)`);
    expect(cutText('👍', 1)).toBe(' … (1 more characters)');
    expect(cutText('abc', 3)).toBe('abc');
  });

  test('takes linear time for text made to be slow', () => {
    const started = performance.now();
    for (const text of ['://', '-----BEGIN PRIVATE KEY-----', 'eyJ', 'eyJ-', 'xoxb-', 'bearer ', '-----BEGIN ']) clean(text.repeat(20_000));
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

describe('a PipelineRun', () => {
  const reference = (kind: string, name: string) => ({
    apiVersion: kind === 'CustomRun' ? 'tekton.dev/v1beta1' : 'tekton.dev/v1',
    kind,
    name: `run-${name}`,
    pipelineTaskName: name,
  });
  const succeeded = (status: string, reason: string, message: string) => [{ type: 'Succeeded', status, reason, message }];
  const objects: Record<string, object> = {
    '/apis/tekton.dev/v1/namespaces/team/pipelineruns/run': {
      spec: {},
      status: {
        startTime: '2026-01-08T10:00:00Z',
        childReferences: [
          reference('TaskRun', 'build'),
          reference('TaskRun', 'lint'),
          reference('CustomRun', 'gate'),
          reference('TaskRun', 'gone'),
          reference('Pod', 'x'),
        ],
        skippedTasks: [{ name: 'deploy', reason: 'When Expressions evaluated to false' }],
      },
    },
    '/apis/tekton.dev/v1/namespaces/team/taskruns/run-build': {
      status: {
        conditions: succeeded('False', 'Failed', '"step-x" exited with code 77'),
        completionTime: '2026-01-08T10:01:00Z',
        results: [
          { name: 'outcome', type: 'string', value: 'refused' },
          { name: 'list', type: 'array', value: ['a'] },
        ],
      },
    },
    '/apis/tekton.dev/v1/namespaces/team/taskruns/run-lint': {
      metadata: { annotations: { 'pipeline.tekton.dev/pipeline-task-on-error': 'continue' } },
      spec: { status: 'TaskRunCancelled' },
      status: { conditions: succeeded('False', 'TaskRunCancelled', 'cancelled') },
    },
    '/apis/tekton.dev/v1beta1/namespaces/team/customruns/run-gate': { status: {} },
  };
  const client = async (known: Record<string, object>) => {
    const server = await serve(({ url }, response) => {
      const found = known[url];
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(found ? { metadata: {}, ...found } : { kind: 'Status', reason: 'NotFound', message: `${url} not found` }));
    });
    return createKubeClient({ http: testClient(), connection: { server: server.url, token: async () => 'sa-token' } });
  };

  test('tells how its tasks went', async () => {
    const { cancelled, startTime, tasks } = await readRun(await client(objects), { namespace: 'team', name: 'run' });
    expect([cancelled, startTime]).toEqual([false, '2026-01-08T10:00:00Z']);
    expect(tasks.map(({ name, state, reason, ignored }) => [name, state, reason, ignored])).toEqual([
      ['build', 'Failed', 'Failed', false],
      ['lint', 'Cancelled', 'TaskRunCancelled', true],
      ['gate', 'Running', '', false],
      ['deploy', 'Skipped', 'When Expressions evaluated to false', false],
    ]);
    expect(tasks[0]).toMatchObject({ message: '"step-x" exited with code 77', results: { outcome: 'refused' }, completionTime: '2026-01-08T10:01:00Z' });
  });

  test('that is not there or has another shape is a refusal', async () => {
    const path = '/apis/tekton.dev/v1/namespaces/team/pipelineruns/run';
    expect(await failureOf(readRun(await client({}), { namespace: 'team', name: 'run' }))).toMatchObject({ code: 'KUBE_NOT_FOUND' });
    const odd = await client({ [path]: { status: { childReferences: 'all' } } });
    expect(await failureOf(readRun(odd, { namespace: 'team', name: 'run' }))).toMatchObject({ code: 'KUBE_ANSWER_INVALID' });
  });
});

describe('a run document', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'notify-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('of the laptop runner tells the same', async () => {
    const tasks = [
      { name: 'a', task: 'x', section: 'tasks', state: 'Failed', reason: 'Failed', message: 'm', steps: [], results: { verdict: 'failed', list: ['x'] } },
    ];
    await writeFile(join(folder, 'run.json'), JSON.stringify({ pipeline: 'p', status: 'Cancelled', startTime: '2026-01-08T10:00:00Z', tasks }));
    expect(await readRunFile(folder, 'run.json')).toEqual({
      cancelled: true,
      startTime: '2026-01-08T10:00:00Z',
      tasks: [{ name: 'a', state: 'Failed', reason: 'Failed', message: 'm', ignored: false, completionTime: undefined, results: { verdict: 'failed' } }],
    });
  });

  test.each([
    ['not json', 'is not JSON'],
    ['{"status":"x","tasks":[{"name":"a"}]}', 'tasks.0.state'],
  ])('%s is none', async (text, why) => {
    await writeFile(join(folder, 'bad.json'), text);
    const error = await failureOf(readRunFile(folder, 'bad.json'));
    expect(error).toMatchObject({ kind: 'input', code: 'RUN_FILE_INVALID' });
    expect(error.message).toContain(why);
    expect(await failureOf(readRunFile(folder, 'none.json'))).toMatchObject({ code: 'FILE_MISSING' });
  });
});
