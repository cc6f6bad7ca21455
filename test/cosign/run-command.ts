// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';

/** How a program ended; `code` is that of a shell for a signal (128 + its number is not told apart: 255). */
export type CommandResult = { code: number; stdout: string; stderr: string };

const TIMEOUT_MS = 90_000;

/** Runs a program to its end, at most 90 s. Rejects only when it cannot be started; any exit code is an answer. */
export function runCommand(command: string, args: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? 255, stdout, stderr: signal === null ? stderr : `${stderr}\nended by ${signal}` }));
  });
}

/** Gives the result on when the program succeeded; otherwise throws with all that it said. */
export function succeeded(result: CommandResult, what: string): CommandResult {
  if (result.code !== 0) throw new Error(`${what} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
  return result;
}
