// SPDX-License-Identifier: Apache-2.0
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { LIMITS } from '../../services/approval-gate/api.ts';
import type { CustomRun } from '../../services/approval-gate/custom-run.ts';
import { readState } from '../../services/approval-gate/gate-state.ts';
import { viewOf } from '../gate/gate-view.ts';
import { gateText } from '../gate/render-gate.ts';
import { cleanLine } from '../runner/reporter.ts';
import type { Answer, AskPerson } from './local-gate.ts';

export type TerminalOptions = {
  input: Readable;
  output: { write(text: string): unknown };
  /** Gets the terminal for one question; what it gives hands it back. */
  hold: () => () => void;
  login: string;
  now: () => Date;
};

const DECISIONS: ReadonlyMap<string, 'approve' | 'reject'> = new Map([
  ['a', 'approve'],
  ['approve', 'approve'],
  ['r', 'reject'],
  ['reject', 'reject'],
]);

/**
 * Asks the person at the terminal, one gate at a time: shows what is to be decided, then reads approve or reject and a comment, a line each. End of
 * input is `nobody`. Ctrl-C stays the signal that it is; whoever handles it aborts the question.
 */
export function askAtTerminal({ input, output, hold, login, now }: TerminalOptions): { ask: AskPerson; close: () => void } {
  const lines = lineReader(input);
  let turn: Promise<unknown> = Promise.resolve();

  async function question(run: CustomRun, signal: AbortSignal): Promise<Answer | undefined> {
    if (signal.aborted) return undefined;
    const release = hold();
    try {
      output.write(`\n${gateLines(run, now())}\n${login} asked for this run, and on this machine is also the one who decides.\n`);
      const answer = await converse(run, async (prompt) => {
        output.write(prompt);
        return lines.next(signal);
      });
      if (answer === undefined || answer === 'nobody') output.write('\nno vote\n');
      return answer;
    } finally {
      release();
    }
  }

  function ask(run: CustomRun, signal: AbortSignal): Promise<Answer | undefined> {
    const mine = turn.then(() => question(run, signal));
    turn = mine.catch(() => {});
    return mine;
  }
  return { ask, close: lines.close };
}

type Said = { text: string } | 'nobody' | undefined;
type Read = (prompt: string) => Promise<Said>;

async function converse({ status }: CustomRun, read: Read): Promise<Answer | undefined> {
  const decision = await readUntil(read, 'approve or reject? ', (text) => DECISIONS.get(text.toLowerCase()));
  if (decision === undefined || decision === 'nobody') return decision;
  const required = readState(status)?.policy.commentRequired.includes(decision.value) === true;
  const isGood = (text: string): boolean => text.length <= LIMITS.comment && !(required && text === '');
  const prompt = `comment${required ? '' : ' (may be empty)'}, at most ${LIMITS.comment} characters: `;
  const comment = await readUntil(read, prompt, (text) => (isGood(text) ? text : undefined));
  if (comment === undefined || comment === 'nobody') return comment;
  return { decision: decision.value, comment: comment.value };
}

/** Prompts again until `accept` takes the line. */
async function readUntil<T>(read: Read, prompt: string, accept: (text: string) => T | undefined): Promise<{ value: T } | 'nobody' | undefined> {
  for (;;) {
    const said = await read(prompt);
    if (said === undefined || said === 'nobody') return said;
    const value = accept(cleanLine(said.text).trim());
    if (value !== undefined) return { value };
  }
}

/** What a gate is about comes from the Pipeline and its params, so nothing of it may steer the terminal. */
function gateLines(run: CustomRun, now: Date): string {
  return gateText(viewOf(run), now.getTime()).trimEnd().split('\n').map(cleanLine).join('\n');
}

/** Lines of `input`, which is read only while somebody waits for one. */
function lineReader(input: Readable): { next: (signal: AbortSignal) => Promise<Said>; close: () => void } {
  const lines: string[] = [];
  let ended = false;
  let wake: () => void = () => {};
  let reader: Interface | undefined;

  /** Without readline's own terminal mode Ctrl-C stays a signal, and the terminal edits the line. */
  function open(): Interface {
    const opened = createInterface({ input, terminal: false });
    opened.on('line', (line) => {
      lines.push(line);
      wake();
    });
    opened.on('close', () => {
      ended = true;
      wake();
    });
    return opened;
  }

  async function next(signal: AbortSignal): Promise<Said> {
    reader ??= open();
    if (!ended) reader.resume();
    while (lines.length === 0 && !ended && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
    if (!ended) reader.pause();
    if (signal.aborted) return undefined;
    const text = lines.shift();
    return text === undefined ? 'nobody' : { text };
  }
  return { next, close: () => reader?.close() };
}
