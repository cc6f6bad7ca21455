// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TestRepository } from '../../lib/git/test-git-server.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone, expectFailed } from './expectations.ts';
import { type GitopsRig, newImage, openGitopsRig, tagged, VALUES_FILE } from './gitops-rig.ts';
import { runStep } from './spawn-step.ts';

let bench: Bench;
let rig: GitopsRig;
beforeAll(async () => {
  bench = await openBench();
  rig = await openGitopsRig(bench);
});
afterAll(async () => {
  await rig.close();
  await bench.close();
});
beforeEach(() => rig.calm());

describe('pull request', () => {
  const mine = (remote: TestRepository): GitopsRig['pulls'] => rig.pulls.filter(({ head }) => remote.git('branch', '--list', head).trim() !== '');

  async function propose(image: string, remote: TestRepository, params: Record<string, string> = {}): Promise<Awaited<ReturnType<typeof runStep>>> {
    return runStep(rig.step(tagged(image), remote, { mode: 'pull-request', forge: `gitea=${rig.forge.url}`, ...params }));
  }

  test('is opened once, kept, brought up to date, and done when it is merged', async () => {
    const image = newImage();
    const remote = rig.repository(image);
    const base = remote.head();
    const first = await propose(image, remote);
    expectDone(first, image);
    const [pull] = mine(remote);
    const branch = first.results['branch'] ?? '';
    expect(branch).toMatch(/^supply-chain\/app-[0-9a-f]{12}-[0-9a-f]{8}$/);
    expect(first.results).toMatchObject({
      changed: 'true',
      commit: remote.head(branch),
      'pull-request-url': expect.stringContaining(`/pulls/${pull?.number}`),
    });
    expect([remote.head(), remote.file(VALUES_FILE, branch).includes(image.split('@')[1] ?? '')]).toEqual([base, true]);
    expect(pull).toMatchObject({ title: 'deploy(app): 1.5.0', base: 'main', body: expect.stringContaining('| Supply-Chain-Loop-Guard | `true` |') });

    const kept = await propose(image, remote);
    expectDone(kept, image);
    expect(kept.results).toMatchObject({ changed: 'false', commit: first.results['commit'] });

    remote.commit({ 'other.txt': 'theirs\n' });
    const renewed = await propose(image, remote, { message: 'Deploy anew' });
    expect(renewed.results).toMatchObject({ changed: 'true', branch, commit: remote.head(branch) });
    expect(remote.git('log', '--format=%s', branch).trim().split('\n')).toEqual(['Deploy anew', 'another change', 'first']);
    expect(mine(remote)).toHaveLength(1);
    expect(pull?.title).toBe('Deploy anew');

    rig.settle(remote, pull, 'merge');
    const done = await propose(image, remote);
    expect(done.results).toMatchObject({ changed: 'false', branch: 'main', commit: remote.head(), 'pull-request-url': first.results['pull-request-url'] });
    expect(mine(remote)).toHaveLength(1);
  });

  test('other targets or another image have one of their own', async () => {
    const [image, other] = [newImage(), newImage()];
    const remote = rig.repository(image, { 'a.yaml': 'image: old\n', 'b.yaml': 'image: old\n' });
    const ends = [
      await propose(image, remote, { targets: 'helm-values:a.yaml#image' }),
      await propose(image, remote, { targets: 'helm-values:b.yaml#image' }),
      await propose(other, remote, { targets: 'helm-values:a.yaml#image' }),
    ];
    expect(new Set(ends.map(({ results }) => results['branch'])).size).toBe(3);
    expect(mine(remote)).toHaveLength(3);
  });

  test('is waited for until people have merged it', async () => {
    const image = newImage();
    const remote = rig.repository(image);
    const merging = setInterval(() => {
      const [pull] = mine(remote);
      if (pull?.state === 'open') rig.settle(remote, pull, 'merge');
    }, 300);
    const end = await propose(image, remote, { mode: 'pull-request-merged' });
    clearInterval(merging);
    expect(end.results).toMatchObject({ outcome: 'ok', branch: 'main', commit: remote.head(), changed: 'true' });
    expect(remote.file(VALUES_FILE)).toContain(image.split('@')[1]);
  });

  test('one that nobody merges in time is a time-out', async () => {
    const image = newImage();
    const remote = rig.repository(image);
    const end = await propose(image, remote, { mode: 'pull-request-merged', timeout: '2s' });
    expectFailed(end, { kind: 'transient', code: 'TIMEOUT', names: '2 s', subject: image });
  });
});
