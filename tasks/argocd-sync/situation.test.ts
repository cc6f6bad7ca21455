// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { testApp } from '../../lib/argocd/test-app.ts';
import type { Goal } from './goal.ts';
import { matchesRevisions } from './goal.ts';
import { type Situation, situationOf } from './situation.ts';

const NEW = 'a'.repeat(40);
const OLD = 'b'.repeat(40);
const goal: Goal = { revisions: [NEW], allowNewer: false, later: new Set(), image: undefined, otherDigests: undefined };
const AUTO = { syncPolicy: { automated: {} } };
const PAUSED = { syncPolicy: { automated: { enabled: false } } };
const synced = { status: 'Synced', revision: NEW };
const behind = { status: 'OutOfSync', revision: NEW };
const elsewhere = { status: 'OutOfSync', revision: OLD };
const done = (revision: string, phase = 'Succeeded', sync: object = {}): object => ({ operation: { sync }, phase, syncResult: { revision } });
const runs = (sync: object, more: object = {}, state: object = {}): object => {
  const operation = { sync, ...more };
  return { operation, status: { sync: behind, operationState: { operation, phase: 'Running', ...state } } };
};

type Case = [Situation, string, object, Partial<Goal>?];

describe('situationOf', () => {
  it.each<Case>([
    ['current', 'synced at the revision', { status: { sync: synced } }],
    [
      'current',
      'synced at what is tracked, when no revision was asked for',
      { status: { sync: { status: 'Synced', revision: OLD } } },
      { revisions: undefined },
    ],
    ['start', 'synced, but a hook failed', { status: { sync: synced, operationState: done(NEW, 'Failed') } }],
    ['current', 'synced, and a failed self-heal of one object is past', { status: { sync: synced, operationState: done(NEW, 'Failed', { resources: [{}] }) } }],
    ['start', 'out of sync', { status: { sync: behind } }],
    ['start', 'never compared', {}],
    ['start', 'out of sync by drift after our sync', { status: { sync: behind, operationState: done(NEW) } }],
    ['current', 'synced by hand, and the branch went on', { status: { sync: elsewhere, operationState: done(NEW) } }],
    ['start', 'only a dry run was there', { status: { sync: elsewhere, operationState: done(NEW, 'Succeeded', { dryRun: true }) } }],
    [
      'current',
      'with auto-sync, the branch went on in other folders',
      { spec: AUTO, status: { sync: { status: 'Synced', revision: OLD }, operationState: done(NEW) } },
    ],
    ['unseen', 'with auto-sync, the branch is elsewhere', { spec: AUTO, status: { sync: elsewhere } }],
    ['unseen', 'with auto-sync, the branch went on and is not synced', { spec: AUTO, status: { sync: elsewhere, operationState: done(NEW) } }],
    ['start', 'with auto-sync paused, the branch is elsewhere', { spec: PAUSED, status: { sync: elsewhere } }],
    ['start', 'a later commit will do', { spec: AUTO, status: { sync: elsewhere } }, { later: new Set([OLD]) }],
    ['current', 'a later commit will do, and is synced', { spec: AUTO, status: { sync: { status: 'Synced', revision: OLD } } }, { later: new Set([OLD]) }],
    ['settling', 'an operation that nobody took up', { operation: { sync: {} } }],
    ['settling', 'an operation was set after another one', { operation: { sync: {} }, status: { operationState: done(OLD) } }],
    ['adopt', 'somebody syncs our revision', runs({ revision: NEW })],
    ['adopt', 'somebody syncs what is tracked, which is ours', runs({}, {}, { syncResult: { revision: NEW } })],
    ['foreign', 'somebody syncs another revision', runs({ revision: OLD })],
    ['foreign', 'a dry run', runs({ revision: NEW, dryRun: true })],
    ['foreign', 'self-heal of one object', runs({ revision: NEW, resources: [{}] }, { initiatedBy: { automated: true } })],
    ['foreign', 'it is being ended', runs({ revision: NEW }, {}, { phase: 'Terminating' })],
    ['stuck', 'auto-sync waits to try again', runs({ revision: OLD }, { initiatedBy: { automated: true } }, { finishedAt: '2026-01-01T00:00:00Z' })],
    [
      'stuck',
      'another run of this Task waits to try again',
      runs({ revision: OLD }, { info: [{ name: 'tekton-supply-chain', value: 'x' }] }, { finishedAt: 'x' }),
    ],
    ['foreign', 'somebody waits to try again', runs({ revision: OLD }, { initiatedBy: { username: 'ann' } }, { finishedAt: '2026-01-01T00:00:00Z' })],
  ])('%s: %s', (wanted, _what, parts, more = {}) => {
    expect(situationOf(testApp(parts), { ...goal, ...more }, false)).toBe(wanted);
  });

  it('does not take over a sync that prunes less than ours', () => {
    expect(situationOf(testApp(runs({ revision: NEW })), goal, true)).toBe('foreign');
    expect(situationOf(testApp(runs({ revision: NEW, prune: true })), goal, true)).toBe('adopt');
  });
});

describe('matchesRevisions', () => {
  it.each<[(string | undefined)[] | undefined, string[], boolean]>([
    [undefined, [], true],
    [[NEW], [NEW], true],
    [[NEW.slice(0, 7)], [NEW], true],
    [[NEW.slice(0, 6)], [NEW], false],
    [[NEW], [NEW.slice(0, 7)], false],
    [[NEW], [], false],
    [['1.2'], ['1.2.3'], false],
    [[undefined, '1.2.3'], [OLD, '1.2.3'], true],
    [[NEW, '1.2.3'], [NEW], false],
  ])('%j against %j is %s', (revisions, actual, wanted) => {
    expect(matchesRevisions({ revisions }, actual)).toBe(wanted);
  });
});
