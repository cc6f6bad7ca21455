// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { CommandResult } from '../api-server.ts';
import { becomesTrue, type Deployment, isRolledOut, notReady, pending, pendingIn } from './rollout.ts';

const done = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
const deployment = (status?: Deployment['status'], replicas: number | undefined = 1): Deployment => ({
  metadata: { name: 'web', generation: 2 },
  spec: { ...(replicas !== undefined && { replicas }) },
  ...(status && { status }),
});

describe('pending', () => {
  test.each<[string, Deployment, string | undefined]>([
    ['rolled out', deployment(done), undefined],
    ['scaled to nothing', deployment({ observedGeneration: 2 }, 0), undefined],
    ['new, without a status', deployment(undefined), 'not seen by its controller yet'],
    ['changed, with the status of the old one', deployment({ ...done, observedGeneration: 1 }), 'not seen by its controller yet'],
    ['without new pods', deployment({ ...done, updatedReplicas: 0 }), '0 of 1 pods made'],
    ['with an old pod beside the new one', deployment({ ...done, replicas: 2, availableReplicas: 2 }), '1 old pods left'],
    ['with a pod that is not ready', deployment({ ...done, availableReplicas: 0 }), '0 of 1 pods available'],
  ])('of one that is %s', (_, given, expected) => {
    expect(pending(given)).toBe(expected);
  });
});

function answering(answers: (args: readonly string[]) => Partial<CommandResult>): { kubectl(args: readonly string[]): Promise<CommandResult> } {
  return { kubectl: async (args) => ({ code: 0, stdout: '', stderr: '', ...answers(args) }) };
}

const listing = (...items: Deployment[]) => ({ stdout: JSON.stringify({ items }) });

describe('a namespace', () => {
  test('is rolled out when every Deployment is', async () => {
    const bed = answering(() => listing(deployment(done), deployment(done)));
    expect(await isRolledOut(bed, ['a', 'b'])).toBe(true);
  });

  test.each<[string, Partial<CommandResult>, Record<string, string>]>([
    ['one Deployment is not', listing(deployment(done), deployment({ ...done, availableReplicas: 0 })), { web: '0 of 1 pods available' }],
    ['there is none yet', listing(), { a: 'no Deployment yet' }],
    ['the API server refuses', { code: 1, stderr: 'forbidden\n' }, { a: 'forbidden' }],
  ])('is not when %s', async (_, answer, expected) => {
    const bed = answering(() => answer);
    expect(await pendingIn(bed, 'a')).toEqual(expected);
    expect(await isRolledOut(bed, ['a'])).toBe(false);
  });

  test('that is not ready is told with its pods and the end of its log', async () => {
    const bed = answering(([verb, , path]) => {
      if (path?.endsWith('/deployments')) return listing(deployment(undefined));
      return { stdout: verb === 'logs' ? 'panic: no configuration\n' : 'web-1 CrashLoopBackOff\n' };
    });
    const { message } = await notReady(bed, 'peer', ['a']);
    expect(message).toBe('peer is not ready\na/web: not seen by its controller yet\nweb-1 CrashLoopBackOff\nlog of web ends with:\npanic: no configuration');
  });
});

describe('becomesTrue', () => {
  test('asks again until the answer is yes', async () => {
    const answers = [false, true];
    expect(await becomesTrue(async () => answers.shift() === true, 5000)).toBe(true);
  });

  test('gives up after its time', async () => {
    expect(await becomesTrue(async () => false, 0)).toBe(false);
  });

  test('does not take an error for a no', async () => {
    await expect(becomesTrue(() => Promise.reject(new Error('broken')), 5000)).rejects.toThrow('broken');
  });
});
