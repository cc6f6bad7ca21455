// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';

export type ProgramResult = { code: number; stdout: Buffer; stderr: string };
/** Runs a program to its end. Rejects only when it cannot be started or gives more than `MAX_OUTPUT_BYTES`; any exit code is an answer. */
export type RunProgram = (program: string, args: readonly string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv }) => Promise<ProgramResult>;

const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;
const TIMEOUT_MS = 300_000;

export function runProgram(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    const chunks: Buffer[] = [];
    let [size, stderr] = [0, ''];
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) {
        child.kill('SIGKILL');
        reject(new Error(`${program} gave more than ${MAX_OUTPUT_BYTES} bytes`));
      } else chunks.push(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-8192);
    });
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 255, stdout: Buffer.concat(chunks), stderr: signal === null ? stderr : `${stderr}\nended by ${signal}` }),
    );
  });
}
