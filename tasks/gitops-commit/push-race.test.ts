// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { refusedError, transientError } from '../../lib/errors/errors.ts';
import type { Repository } from '../../lib/git/repository.ts';
import { failureOf } from '../../lib/http/test-server.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import type { Change } from './change.ts';
import type { Replaces } from './params.ts';
import { pushChange } from './push.ts';

const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
const [OLD, OURS, THEIRS] = [digestOf('0'), digestOf('1'), digestOf('2')];
const valueFile = (digest: string): string => `image:\n  digest: ${digest}\n`;

/** A branch that others push to: each of `texts` stands there at one fetch, the last one from then on. `push` throws what `answer` gives for it. */
function branch(texts: readonly string[], answer: (push: number) => Error | undefined) {
  const pushed: { text: string; expected: string | undefined }[] = [];
  const waits: number[] = [];
  let fetches = 0;
  let written = '';
  const repository = {
    fetch: async () => `head-${Math.min(fetches++, texts.length - 1)}`,
    readFile: async (commit: string) => Buffer.from(texts[Number(commit.slice('head-'.length))] ?? ''),
    async writeCommit({ files }: { files: ReadonlyMap<string, Uint8Array> }) {
      written = Buffer.from(files.get('values.yaml') ?? '').toString();
      return 'ours';
    },
    async push(_commit: string, _branch: string, expected: string | undefined) {
      pushed.push({ text: written, expected });
      const error = answer(pushed.length);
      if (error) throw error;
    },
  } as unknown as Repository;
  const sleep = async (ms: number): Promise<void> => void waits.push(ms);
  return { repository, pushed, waits, sleep };
}

function changeOf({ repository, sleep }: Pick<Change, 'repository' | 'sleep'>, replaces: Replaces): Change {
  return {
    repository,
    branch: 'main',
    targets: [{ kind: 'value', path: 'values.yaml', keys: ['image', 'digest'], field: 'digest' }],
    wanted: { image: parseDigestReference(`registry.example.com/app@${OURS}`), chartVersion: undefined },
    replaces,
    subject: undefined,
    trailers: [],
    author: { name: 'Robot', email: 'robot@example.com' },
    key: undefined,
    log: silentLogger,
    now: () => new Date(0),
    random: () => 0.5,
    sleep,
  };
}

const lostOnce = (push: number): Error | undefined => (push === 1 ? transientError('PUSH_RACE', 'somebody was faster') : undefined);

describe('somebody else is faster', () => {
  it('with another change: ours is made anew on top of theirs', async () => {
    const remote = branch([valueFile(OLD), `# new\n${valueFile(OLD)}`], lostOnce);
    expect(await pushChange(changeOf(remote, 'older'))).toMatchObject({ commit: 'ours', changed: true });
    expect(remote.pushed).toEqual([
      { text: valueFile(OURS), expected: 'head-0' },
      { text: `# new\n${valueFile(OURS)}`, expected: 'head-1' },
    ]);
  });

  it('with our change: there is nothing left to do', async () => {
    const remote = branch([valueFile(OLD), valueFile(OURS)], lostOnce);
    expect(await pushChange(changeOf(remote, 'older'))).toMatchObject({ commit: 'head-1', changed: false });
    expect(remote.pushed).toHaveLength(1);
  });

  it('with another value in the same place: theirs stays', async () => {
    const remote = branch([valueFile(OLD), valueFile(THEIRS)], lostOnce);
    expect(await failureOf(pushChange(changeOf(remote, 'older')))).toMatchObject({ kind: 'denied', code: 'VALUE_CHANGED' });
    expect(remote.pushed).toHaveLength(1);
  });

  it('with another value in the same place: ours is put there when anything may be replaced', async () => {
    const remote = branch([valueFile(OLD), valueFile(THEIRS)], lostOnce);
    expect(await pushChange(changeOf(remote, 'any'))).toMatchObject({ changed: true });
    expect(remote.pushed[1]).toEqual({ text: valueFile(OURS), expected: 'head-1' });
  });

  it('each time: it is given up after ten', async () => {
    const remote = branch([valueFile(OLD)], () => transientError('PUSH_RACE', 'somebody was faster'));
    const error = await failureOf(pushChange(changeOf(remote, 'older')));
    expect(error).toMatchObject({ kind: 'transient', code: 'PUSH_RACE', message: expect.stringContaining('10 times') });
    expect([remote.pushed.length, remote.waits.length]).toEqual([10, 9]);
  });
});

describe('an answer that says nothing of a race', () => {
  it('is no reason to push again', async () => {
    const remote = branch([valueFile(OLD)], () => refusedError('PUSH_DECLINED', 'main is protected'));
    expect(await failureOf(pushChange(changeOf(remote, 'older')))).toMatchObject({ code: 'PUSH_DECLINED' });
    expect(remote.pushed).toHaveLength(1);
  });
});
