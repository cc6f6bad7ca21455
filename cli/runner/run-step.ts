// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

export type StepProcess = { command: readonly string[]; cwd: string; env: Readonly<Record<string, string>> };
export type OutputStream = 'stdout' | 'stderr';
/** `exitCode` is 128 plus the signal's number for a killed process; without one the process never started, and `problem` says why. */
export type StepEnd = { exitCode?: number; problem?: string };
export type StepControl = {
  onLine: (text: string, stream: OutputStream) => void;
  /** Aborted: SIGTERM, and SIGKILL `graceMs` later. */
  cancel: AbortSignal;
  /** Aborted: SIGKILL at once. */
  kill: AbortSignal;
  graceMs: number;
};

/** A longer line is handed on in pieces, so that a step cannot fill the memory with one. */
const MAX_LINE_LENGTH = 8192;
const SIGNAL_NUMBER: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/**
 * Runs one process as a container would: no input, its own process group (so that Ctrl-C in the terminal reaches it only through `cancel`), and
 * everything it started dies with it. Never rejects: a process that cannot start is a `problem`.
 */
export function runStep({ command, cwd, env }: StepProcess, control: StepControl): Promise<StepEnd> {
  const { promise, resolve } = Promise.withResolvers<StepEnd>();
  const [file, ...args] = command;
  if (file === undefined) return Promise.resolve({ problem: 'there is no command to run' });
  let child: ChildProcess;
  try {
    child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return Promise.resolve({ problem: messageOf(error) });
  }
  const release = steer(child, control);
  const flushes = [readLines(child.stdout, 'stdout', control.onLine), readLines(child.stderr, 'stderr', control.onLine)];
  child.once('error', (error) => {
    release();
    resolve({ problem: `${messageOf(error)} (in ${cwd})` });
  });
  child.once('exit', () => signalGroup(child, 'SIGKILL'));
  child.once('close', (code, signal) => {
    release();
    for (const flush of flushes) flush();
    resolve({ exitCode: code ?? 128 + ((signal && SIGNAL_NUMBER[signal]) ?? 0) });
  });
  return promise;
}

/** Hands signals on until the process has ended; gives what undoes that. */
function steer(child: ChildProcess, { cancel, kill, graceMs }: StepControl): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onKill = () => signalGroup(child, 'SIGKILL');
  const onCancel = () => {
    // One signal may stand for both; a SIGTERM that a SIGKILL follows at once would only make the exit code a matter of luck.
    if (kill.aborted) return;
    signalGroup(child, 'SIGTERM');
    timer = setTimeout(onKill, graceMs);
  };
  cancel.addEventListener('abort', onCancel);
  kill.addEventListener('abort', onKill);
  if (cancel.aborted) onCancel();
  if (kill.aborted) onKill();
  return () => {
    clearTimeout(timer);
    cancel.removeEventListener('abort', onCancel);
    kill.removeEventListener('abort', onKill);
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: the whole group has ended already, which is what was wanted. EPERM is macOS's answer for a group of zombies.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM'))) throw error;
  }
}

function readLines(stream: Readable | null, name: OutputStream, onLine: StepControl['onLine']): () => void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream?.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) emit(line);
    while (rest.length > MAX_LINE_LENGTH) {
      onLine(rest.slice(0, MAX_LINE_LENGTH), name);
      rest = rest.slice(MAX_LINE_LENGTH);
    }
  });
  function emit(line: string): void {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    for (let at = 0; at === 0 || at < text.length; at += MAX_LINE_LENGTH) onLine(text.slice(at, at + MAX_LINE_LENGTH), name);
  }
  return () => {
    rest += decoder.end();
    if (rest !== '') emit(rest);
    rest = '';
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
