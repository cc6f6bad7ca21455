// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testApp } from '../../lib/argocd/test-app.ts';
import { refusedError } from '../../lib/errors/errors.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import type { Goal } from './goal.ts';
import { conditionOf } from './health.ts';
import { judgeOperation } from './operation.ts';
import { applicationResults, writeReport } from './report.ts';
import { mismatches } from './running-images.ts';
import { mergedOptions } from './sync.ts';

const REVISION = 'a'.repeat(40);
const goal: Goal = { revisions: [REVISION], allowNewer: false, later: new Set(), image: undefined, otherDigests: undefined };
const OURS = { info: [{ name: 'tekton-supply-chain', value: 'id' }] };
const DENIAL = 'admission webhook "validation.gatekeeper.sh" denied the request: [c] no';
const failed = (message: string): object => ({ revision: REVISION, resources: [{ kind: 'Pod', name: 'p', status: 'SyncFailed', message }] });
const state = (more: object, operation: object = OURS): object => ({ status: { operationState: { operation, phase: 'Running', ...more } } });

describe('judgeOperation', () => {
  it.each<[string, object, string, string?]>([
    ['set and not taken up', { operation: OURS }, 'wait'],
    ['replaced', state({}, {}), 'lost'],
    ['nowhere', {}, 'lost'],
    ['running', state({}), 'wait'],
    ['being ended', state({ phase: 'Terminating', syncResult: failed('x') }), 'wait'],
    ['held back', state({ message: 'Sync operation blocked by sync window' }), 'blocked'],
    ['failed once and may try again', state({ syncResult: failed('x') }), 'wait'],
    ['failed for the last time', state({ syncResult: failed('x'), retryCount: 1 }), 'failed', 'SYNC_FAILED'],
    ['denied, with attempts left', state({ syncResult: failed(DENIAL) }), 'failed', 'POLICY_DENIED'],
    ['failed with a denial in its message alone', state({ phase: 'Failed', message: DENIAL }), 'failed', 'POLICY_DENIED'],
    ['in error', state({ phase: 'Error', message: 'ComparisonError: x' }), 'failed', 'SYNC_FAILED'],
    ['done', state({ phase: 'Succeeded', syncResult: { revision: REVISION } }), 'succeeded'],
    ['done elsewhere', state({ phase: 'Succeeded', syncResult: { revision: 'b' } }), 'failed', 'REVISION_MISMATCH'],
    ['done without a revision', state({ phase: 'Succeeded' }), 'failed', 'REVISION_MISMATCH'],
  ])('%s', (_what, parts, kind, code) => {
    const verdict = judgeOperation(testApp(parts), { id: 'id' }, goal, 1);
    expect(verdict).toMatchObject({ kind, ...(code !== undefined && { error: { code } }) });
  });

  it('knows an adopted operation by its start', () => {
    const app = testApp(state({ startedAt: 'noon' }, {}));
    expect(judgeOperation(app, { startedAt: 'noon' }, goal, 0).kind).toBe('wait');
    expect(judgeOperation(app, { startedAt: 'one' }, goal, 0).kind).toBe('lost');
  });

  it('takes a failed hook for a failure', () => {
    const resources = [{ kind: 'Job', name: 'migrate', hookType: 'PreSync', hookPhase: 'Failed', message: 'exit 1' }];
    const verdict = judgeOperation(testApp(state({ syncResult: { revision: REVISION, resources } })), { id: 'id' }, goal, 0);
    expect(verdict).toMatchObject({ kind: 'failed', error: { message: expect.stringContaining('Job migrate (PreSync hook): exit 1') } });
  });
});

describe('conditionOf', () => {
  it.each([
    ['good', 'Synced', 'Healthy', REVISION],
    ['degraded', 'Synced', 'Degraded', REVISION],
    ['degraded', 'OutOfSync', 'Degraded', REVISION],
    ['out-of-sync', 'OutOfSync', 'Healthy', REVISION],
    ['pending', 'Unknown', 'Healthy', REVISION],
    ['pending', 'Synced', 'Progressing', REVISION],
    ['pending', 'Synced', 'Suspended', REVISION],
    ['pending', 'Synced', 'Missing', REVISION],
    ['good', 'OutOfSync', 'Healthy', 'b'],
  ])('%s: %s and %s', (wanted, status, health, revision) => {
    expect(conditionOf(testApp({ status: { sync: { status, revision }, health: { status: health } } }), { goal })).toBe(wanted);
  });

  it('is pending while anything runs', () => {
    expect(conditionOf(testApp({ operation: {}, status: { sync: { status: 'Synced', revision: REVISION }, health: { status: 'Healthy' } } }), { goal })).toBe(
      'pending',
    );
  });
});

describe('mismatches', () => {
  const digest = `sha256:${'1'.repeat(64)}`;
  const other = `sha256:${'2'.repeat(64)}`;
  const image = parseDigestReference(`registry.example.com/shop@${digest}`);
  it.each<[string, string[], string[] | undefined, number]>([
    ['the digest', [`registry.example.com/shop:1@${digest}`], undefined, 0],
    ['the digest from a mirror', [`mirror.example.com/x@${digest}`], undefined, 0],
    ['something else besides', [`registry.example.com/shop@${digest}`, 'sidecar:1'], undefined, 0],
    ['something else that was not named', [`registry.example.com/shop@${digest}`, 'sidecar:1'], [other], 1],
    ['something else that was named', [`registry.example.com/shop@${digest}`, `sidecar@${other}`], [other], 0],
    ['the digest and an old one', [`registry.example.com/shop@${digest}`, `registry.example.com/shop@${other}`], undefined, 1],
    ['a tag', ['registry.example.com/shop:1'], undefined, 1],
    ['no image', ['not an image', 'sidecar:1'], undefined, 1],
    ['nothing', [], undefined, 1],
  ])('%s', (_what, found, otherDigests, count) => {
    expect(
      mismatches(
        found.map((name) => ({ image: name, where: 'Pod p' })),
        image,
        otherDigests,
      ),
    ).toHaveLength(count);
  });
});

it.each([
  [['A=1'], [], undefined],
  [
    ['A=1', 'B=1'],
    ['B=2', 'C=1'],
    ['A=1', 'B=2', 'C=1'],
  ],
  [[], ['A=1'], ['A=1']],
])('mergedOptions of %j and %j', (theirs, ours, wanted) => {
  expect(mergedOptions(theirs, ours)).toEqual(wanted);
});

describe('report', () => {
  const hostile = '| a\n\n# Title `code` [link](http://x) <b> @all';
  const app = testApp({ status: { operationState: { operation: {}, phase: 'Failed', syncResult: failed(hostile) } } });

  it('writes what others say so that it is no Markdown', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'report-'));
    await writeReport(dir, { app, url: '', error: refusedError('SYNC_FAILED', 'no') });
    const text = await readFile(join(dir, 'sync.md'), 'utf8');
    await rm(dir, { recursive: true });
    expect(text).toContain('| `Pod p` |  |  |');
    expect(text).not.toMatch(/^# Title|[^\\]\[link\]|[^\\]<b>|[^\\]@all|[^\\]`code`/m);
  });

  it('keeps results short whatever fails', () => {
    const resources = Array.from({ length: 200 }, (_, index) => ({ kind: 'Pod', namespace: 'shop', name: `p-${index}`, status: 'SyncFailed', message: 'x' }));
    const many = testApp({ status: { operationState: { operation: {}, phase: 'Failed', syncResult: { revision: REVISION, resources } } } });
    const results = applicationResults({ app: many, url: 'u' }, () => '');
    expect(results['failed-resources'].length).toBeLessThan(910);
    expect(results['failed-resources']).toMatch(/Pod shop\/p-\d+,…$/);
    expect(results).toMatchObject({ revision: REVISION, phase: 'Failed', health: '', 'app-url': 'u', changes: '' });
  });
});
