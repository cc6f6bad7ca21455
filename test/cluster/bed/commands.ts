// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import process from 'node:process';
import { inputError } from '../../../lib/errors/errors.ts';
import type { CommandResult } from '../api-server.ts';
import { programPath } from './daemon.ts';

const TIMEOUT_MS = 60_000;

/** Runs a program of the system to its end; any exit code is an answer. Throws StepError input `TOOL_MISSING`. */
export function run(program: string, args: readonly string[], stdin = ''): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: programPath() };
    const child = spawn(program, args, { env, stdio: 'pipe', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text;
      });
    }
    child.on('error', (cause) => reject(inputError('TOOL_MISSING', `${program} cannot be started: ${cause.message}`, { cause })));
    child.on('close', (code) => resolve({ code: code ?? 1, ...said }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}

/** As `run`, but anything but success is an error with what was said: StepError input `COMMAND_FAILED`. */
export async function must(program: string, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, stdin);
  if (code !== 0) throw inputError('COMMAND_FAILED', `"${program} ${args.join(' ')}" ended with ${code}: ${(stderr || stdout).trim()}`);
  return stdout;
}
