// SPDX-License-Identifier: Apache-2.0
import { runProgram } from '../../images/base/run-program.ts';

export type CommandResult = { code: number; stdout: string; stderr: string };

/** Runs a program to its end; any exit code is an answer. */
export async function runCommand(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<CommandResult> {
  const { code, stdout, stderr } = await runProgram(program, args, options);
  return { code, stdout: stdout.toString('utf8'), stderr };
}

/** As `runCommand`, but throws with all that was said when the program did not end with 0. */
export async function mustRun(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<string> {
  const result = await runCommand(program, args, options);
  if (result.code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
  return result.stdout;
}
