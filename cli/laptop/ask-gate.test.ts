// SPDX-License-Identifier: Apache-2.0
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { API_VERSION, GATE_KIND } from '../../services/approval-gate/api.ts';
import { aRun, opened, START } from '../../services/approval-gate/test-gate.ts';
import { askAtTerminal } from './ask-gate.ts';
import type { Answer } from './local-gate.ts';

const QUESTION = 'approve or reject? ';

function setUp() {
  const input = new PassThrough();
  const log: string[] = [];
  let wanted = { text: '', found: () => {} };
  const write = (text: string): void => {
    log.push(text);
    if (text.includes(wanted.text)) wanted.found();
  };
  const hold = () => {
    log.push('<hold>');
    return () => void log.push('<release>');
  };
  const terminal = askAtTerminal({ input, output: { write }, hold, login: 'alice', now: () => new Date(START) });
  /** Resolves when that text is written next. */
  const written = (text: string): Promise<void> => new Promise((found) => (wanted = { text, found }));
  return { input, terminal, written, said: () => log.join('') };
}

function aGateRun(policy: object = {}, params: { name: string; value: string }[] = []) {
  const spec = { rules: [{ name: 'owner', users: ['alice'] }], ...policy };
  return opened(aRun({ spec: { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec }, params, timeout: '1h' } }));
}

const never = new AbortController().signal;

describe('askAtTerminal', () => {
  it.each<[string, string, object, Answer]>([
    ['approve', 'approve\nlog read\n', {}, { decision: 'approve', comment: 'log read' }],
    ['a letter', 'r\n\n', {}, { decision: 'reject', comment: '' }],
    ['any case and spaces', '  APPROVE \r\n ok \r\n', {}, { decision: 'approve', comment: 'ok' }],
    ['approve after other words', 'yes\nconstructor\n\na\n\n', {}, { decision: 'approve', comment: '' }],
    ['a comment where one is required', 'reject\n\n  \nwhy not\n', { commentRequired: ['reject'] }, { decision: 'reject', comment: 'why not' }],
    ['a comment of nobody', 'a\nnobody\n', {}, { decision: 'approve', comment: 'nobody' }],
    ['a comment without escape sequences', 'a\n\x1b[2Jgone\x07\n', {}, { decision: 'approve', comment: 'gone' }],
    ['a shorter comment after one that is too long', `a\n${'x'.repeat(1025)}\nshort\n`, {}, { decision: 'approve', comment: 'short' }],
  ])('takes %s', async (_, typed, policy, answer) => {
    const { input, terminal } = setUp();
    input.write(typed);
    expect(await terminal.ask(aGateRun(policy), never)).toEqual(answer);
    terminal.close();
  });

  it('shows what is to be decided, by which rules, and who asked, with the terminal to itself', async () => {
    const { input, terminal, said } = setUp();
    input.write('a\n\n');
    const params = [
      { name: 'description', value: 'release 1.2\x1b[2J\u202Efdp' },
      { name: 'subject', value: `r.example.com/shop@sha256:${'a'.repeat(64)}` },
      { name: 'requester', value: 'alice' },
    ];
    await terminal.ask(aGateRun({ description: 'Look first.' }, params), never);
    const text = said();
    expect([text.indexOf('<hold>'), text.endsWith('<release>')]).toEqual([0, true]);
    for (const part of ['shop/release-gate', 'r.example.com/shop@sha256:aaa', 'release 1.2', 'Look first.', 'owner 0/1: alice', '1h left', QUESTION]) {
      expect(text).toContain(part);
    }
    expect(text).toMatch(/requester +alice\n/);
    expect(text).toContain('alice asked for this run, and on this machine is also the one who decides.');
    for (const steering of ['\x1b', '\u202E']) expect(text).not.toContain(steering);
    terminal.close();
  });

  it.each([
    ['at once', ''],
    ['in the middle of a line', 'appr'],
    ['before the comment', 'approve\n'],
  ])('takes the end of input %s for no vote', async (_, typed) => {
    const { input, terminal, said } = setUp();
    input.end(typed);
    expect(await terminal.ask(aGateRun(), never)).toBe('nobody');
    expect(await terminal.ask(aGateRun(), never)).toBe('nobody');
    expect(said()).toContain('no vote');
  });

  it('withdraws the question when told so, and asks the next one', async () => {
    const { input, terminal, written, said } = setUp();
    const clock = new AbortController();
    const shown = written(QUESTION);
    const first = terminal.ask(aGateRun(), clock.signal);
    const second = terminal.ask(aGateRun(), never);
    await shown;
    const again = written(QUESTION);
    clock.abort();
    expect(await first).toBeUndefined();
    await again;
    input.write('reject\nno\n');
    expect(await second).toEqual({ decision: 'reject', comment: 'no' });
    expect(said().split(QUESTION)).toHaveLength(3);
    terminal.close();
  });

  it('asks one thing at a time', async () => {
    const { input, terminal, written, said } = setUp();
    const shown = written(QUESTION);
    const both = Promise.all([terminal.ask(aGateRun(), never), terminal.ask(aGateRun(), never)]);
    await shown;
    input.write('a\nfirst\nr\nsecond\n');
    expect(await both).toEqual([
      { decision: 'approve', comment: 'first' },
      { decision: 'reject', comment: 'second' },
    ]);
    expect(said().match(/<\w+>/g)).toEqual(['<hold>', '<release>', '<hold>', '<release>']);
    terminal.close();
  });

  it('asks nothing when the time is over before its turn comes', async () => {
    const { terminal, said } = setUp();
    expect(await terminal.ask(aGateRun(), AbortSignal.abort())).toBeUndefined();
    expect(said()).toBe('');
  });
});
