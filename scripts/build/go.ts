// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { bugError, inputError } from '../../lib/errors/errors.ts';

export type GoOptions = { cwd: string; env: NodeJS.ProcessEnv; log?: (line: string) => void; cgo?: boolean };

/**
 * Runs the Go command and gives what it printed to stdout; its stderr goes line by line to `log`.
 * cgo is off (static binaries) unless asked for, and no other toolchain is fetched, so a go.mod that wants a newer Go fails by name.
 * Throws StepError: `GO_MISSING`, `GO_FAILED`.
 */
export function runGo(args: string[], { cwd, env, log, cgo = false }: GoOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd,
      env: { ...env, CGO_ENABLED: cgo ? '1' : '0', GOTOOLCHAIN: 'local', GOWORK: 'off' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-keptStderr);
      for (const line of text.split('\n')) if (line) log?.(line);
    });
    child.on('error', (cause) => {
      const hint = 'install Go (the version in go.mod, or newer) and put it on PATH';
      reject(
        inputError('GO_MISSING', `programs of this project are built from source with Go, and the "go" command cannot be started: ${cause.message}`, {
          hint,
          cause,
        }),
      );
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(bugError('GO_FAILED', `"go ${args[0]}" in ${cwd} ended with ${signal ?? `exit code ${code}`}:\n${stderr.trim()}`));
    });
  });
}

const keptStderr = 8192;

/** Where programs built from Go modules are kept, below the cache folder of the user (`XDG_CACHE_HOME`). */
export function cacheFolder(env: NodeJS.ProcessEnv, what: string): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tekton-supply-chain', what);
}
