// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { PipelineRun, TaskRecord } from '../runner/run-document.ts';
import type { Services } from '../services/services.ts';
import type { EvidenceDocument } from './evidence-document.ts';
import { notificationOf } from './notification.ts';
import { readArgoCd, releaseRepository } from './release.ts';
import { NOT_TRIED, releaseFacts } from './release-facts.ts';
import { releaseRows } from './release-rows.ts';
import { summaryText } from './summary.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const RELEASED = `127.0.0.1:5000/release/app@${DIGEST}`;
const SERVICES = { git: { url: 'http://127.0.0.1:1', repository: 'http://127.0.0.1:1/gitops.git', folder: '/state/git/gitops.git' } } as Services;

function task(name: string, more: Partial<TaskRecord> = {}): TaskRecord {
  return { name, task: name, section: 'tasks', taskRun: `run-${name}`, state: 'Succeeded', reason: 'Succeeded', steps: [], results: {}, ...more };
}

const GATE = task('gate', {
  customRun: { apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', name: 'release' },
  results: { decision: 'approved', approvers: 'ann (auto)', comments: 'nobody was asked' },
  extraFields: { answeredBy: 'auto' },
});
const NOTIFY = task('notify', { section: 'finally', results: { delivered: 'log' } });

function run(tasks: TaskRecord[], more: Partial<PipelineRun> = {}): PipelineRun {
  const identity = { pipeline: 'release-image', name: 'release-image-1', namespace: 'default', uid: 'u' };
  const ended = { status: 'Succeeded' as const, reason: 'Succeeded', message: 'Tasks Completed: 1', startTime: '2026-01-01T00:00:00Z' };
  return { ...identity, ...ended, params: { image: RELEASED }, results: {}, tasks, ...more };
}

const RECORDED = run([task('verdict')], { pipeline: 'record' });

describe('options of Argo CD', () => {
  test('all or none', async () => {
    expect(await readArgoCd({ server: undefined, app: undefined, tokenFile: undefined })).toBeUndefined();
    await expect(readArgoCd({ server: 'https://a', app: 'b', tokenFile: '/no/such/file' })).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });
  test.each([
    { server: 'https://a', app: undefined, tokenFile: undefined },
    { server: 'https://a', app: 'b', tokenFile: undefined },
    { server: undefined, app: 'b', tokenFile: 'c' },
  ])('%o is too little', async (given) => {
    await expect(readArgoCd(given)).rejects.toMatchObject({ kind: 'input', code: 'USAGE' });
  });
});

test.each([
  ['demo/app', 'release/app'],
  ['imported/team/app', 'release/team/app'],
  ['app', 'release/app'],
])('%s is released as %s', (repository, expected) => {
  expect(releaseRepository({ registry: 'r:1', repository, digest: DIGEST })).toBe(`r:1/${expected}`);
});

describe('facts of a release', () => {
  test('what came of it', () => {
    const commit = task('commit', { task: 'gitops-commit', results: { commit: 'c0ffee', changed: 'false' } });
    const facts = releaseFacts(run([GATE, task('promote', { results: { 'release-reference': RELEASED } }), commit]), RECORDED, SERVICES);
    expect(facts).toMatchObject({ outcome: 'released', reference: RELEASED, commit: { id: 'c0ffee', changed: false, repository: SERVICES.git.repository } });
    const text = releaseRows(facts).join('\n');
    expect(text).toContain('gate,auto: approved, nobody was asked');
    expect(text).toContain('c0ffee (it was there already');
  });

  test('who said no, and nothing that did not come', () => {
    const gate = { ...GATE, state: 'Failed' as const, results: { decision: 'rejected', approvers: '', comments: '' }, extraFields: { answeredBy: 'person' } };
    const rejected = run([{ ...gate, message: 'rejected by ann', exitCode: 20 }, task('promote', { state: 'Skipped' })], { status: 'Failed' });
    const facts = releaseFacts(rejected, RECORDED, SERVICES);
    expect(facts).toEqual({
      outcome: 'failed',
      reason: 'gate: rejected by ann',
      gate: { decision: 'rejected', answeredBy: 'person', approvers: '', comments: '' },
    });
  });

  test('a record that failed is a release that failed', () => {
    const recorded = run([task('deployment', { state: 'Failed', message: 'Grafeas is away', exitCode: 75 })], { status: 'Failed' });
    expect(releaseFacts(run([GATE]), recorded, SERVICES)).toMatchObject({ outcome: 'failed', reason: 'deployment: Grafeas is away' });
    expect(releaseFacts(undefined, recorded, SERVICES)).toEqual(NOT_TRIED);
  });
});

describe('notifications', () => {
  test('say what the step said of the ordered tasks', () => {
    const failed = task('promote', { state: 'Failed', reason: 'Failed', message: 'tag \u001b[31mtaken', completionTime: '2026-01-01T00:00:09Z' });
    const told = notificationOf(run([failed, NOTIFY], { status: 'Failed' }));
    expect(told).toMatchObject({ pipeline: 'release-image', delivered: 'log' });
    expect(told?.lines[0]).toBe('release-image failed: default/release-image-1 in 9 s');
    expect(told?.lines.join('\n')).toContain('failed: promote (Failed) tag  [31mtaken');
  });
  test('are not made up', () => {
    expect(notificationOf(run([GATE]))).toBeUndefined();
    expect(notificationOf(run([GATE, { ...NOTIFY, state: 'Skipped' }]))).toBeUndefined();
    expect(notificationOf(run([GATE, { ...NOTIFY, state: 'Failed', message: 'no room' }]))?.lines).toEqual(['nobody was told: no room']);
  });
});

describe('the summary', () => {
  const document = {
    ...{ subject: 's', outcome: 'failed', evidence: [], verdict: undefined, notes: [], release: NOT_TRIED, notifications: [] },
    services: { git: SERVICES.git.repository },
  } as unknown as EvidenceDocument;
  test('of a denied image names no commit', () => {
    const text = summaryText(document, { folder: 'reports', stateOption: '' });
    expect(text).toContain('release   NOT TRIED');
    expect(text).toContain('reports/evidence.html');
    expect(text).not.toContain('git clone');
  });
  test('of a release says how to see the commit, and lets nothing foreign steer the terminal', () => {
    const commit = { id: 'c0\u001b[2Jffee', changed: true, repository: 'r', folder: 'f', file: 'd' };
    const text = summaryText({ ...document, release: { outcome: 'released', commit } }, { folder: 'reports', stateOption: ' --state /tmp/x' });
    expect(text).toContain('services up --state /tmp/x\n');
    expect(text).toContain(`git clone ${SERVICES.git.repository}`);
    expect(text).not.toContain('\u001b');
  });
});
