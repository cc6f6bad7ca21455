// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { bugError, inputError, transientError } from '../errors/errors.ts';
import { oneLine } from '../log/log.ts';
import { evaluatorMissing } from './find-evaluator.ts';
import { EvaluatorAnswer, type EvaluatorRequest } from './protocol.ts';

/** Seconds of processor time (time alone would judge how busy the machine is), and bytes of memory and of one answer. */
export type EvaluatorLimits = { cpuSeconds: number; memoryBytes: number; answerBytes: number };

export const DEFAULT_LIMITS: EvaluatorLimits = { cpuSeconds: 60, memoryBytes: 1024 ** 3, answerBytes: 64 * 1024 ** 2 };

export type EvaluatorOptions = {
  /** From `findEvaluator`. */
  path: string;
  /** Whether policies may ask for external data. */
  externalData: boolean;
  limits?: Partial<EvaluatorLimits> | undefined;
  signal?: AbortSignal | undefined;
};

/** One process of images/evaluator. Requests go one after the other. */
export type Evaluator = { ask(request: EvaluatorRequest): Promise<EvaluatorAnswer>; close(): void };

type Waiting = { resolve: (line: string) => void; reject: (error: Error) => void };

const KEPT_STDERR = 4096;
const NEWLINE = 10;

/**
 * Starts the evaluator; it gets no environment and no files, and answers from what a request holds. `ask` throws input GATEKEEPER_MISSING when it cannot be started, input GATEKEEPER_LIMIT
 * when a request takes more than a limit (the process is then ended), bug GATEKEEPER_FAILED when it ends otherwise, transient ABORTED.
 */
export function startEvaluator({ path, externalData, limits: given, signal }: EvaluatorOptions): Evaluator {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const args = [`-memory=${limits.memoryBytes}`, `-cpu=${limits.cpuSeconds}`, ...(externalData ? ['-external-data'] : [])];
  const child = spawn(path, args, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
  let waiting: Waiting | undefined;
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    child.kill('SIGKILL');
    waiting?.reject(ended);
    waiting = undefined;
  };
  const stop = (): void => end(transientError('ABORTED', 'the judgement by Gatekeeper policies was stopped before it was done'));
  readLines(child, limits.answerBytes, {
    line: (line) => {
      waiting?.resolve(line);
      waiting = undefined;
    },
    tooLong: () => end(overLimit(`an answer of more than ${limits.answerBytes} bytes`)),
  });
  const said = keepStderr(child);
  child.on('error', (cause) => end(evaluatorMissing(path, cause)));
  child.on('close', (code, killedBy) => end(endOf(said(), code, killedBy, limits)));
  // A broken pipe is told by the end of the process.
  child.stdin?.on('error', () => undefined);
  signal?.addEventListener('abort', stop, { once: true });

  return {
    async ask(request) {
      if (signal?.aborted) stop();
      if (ended) throw ended;
      const line = await new Promise<string>((resolve, reject) => {
        waiting = { resolve, reject };
        child.stdin?.write(`${JSON.stringify(request)}\n`);
      });
      return EvaluatorAnswer.parse(JSON.parse(line));
    },
    close() {
      signal?.removeEventListener('abort', stop);
      child.kill('SIGKILL');
    },
  };
}

function readLines(child: ChildProcess, maxBytes: number, on: { line: (line: string) => void; tooLong: () => void }): void {
  let chunks: Buffer[] = [];
  let size = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) return on.tooLong();
    chunks.push(chunk);
    if (chunk.at(-1) !== NEWLINE) return;
    const line = Buffer.concat(chunks).toString('utf8');
    [chunks, size] = [[], 0];
    on.line(line);
  });
}

function keepStderr(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    // The first lines tell; a trace of all goroutines follows.
    text = (text + chunk).slice(0, KEPT_STDERR);
  });
  return () => text;
}

function endOf(stderr: string, code: number | null, signal: NodeJS.Signals | null, limits: EvaluatorLimits): Error {
  if (/out of memory|cannot allocate memory|stack exceeds/.test(stderr)) return overLimit(`${limits.memoryBytes} bytes of memory`);
  if (signal === 'SIGKILL') return overLimit(`${limits.cpuSeconds} s of processor time, or the memory that the container has`);
  return bugError('GATEKEEPER_FAILED', `the Gatekeeper evaluator ended with ${signal ?? `exit code ${code}`}: ${oneLine(stderr.slice(0, 500))}`);
}

function overLimit(what: string): Error {
  return inputError('GATEKEEPER_LIMIT', `the judgement by Gatekeeper policies took more than its limit of ${what}`, {
    hint: 'look for a policy that loops over all of its inventory, or let fewer objects be reviewed at once',
  });
}
