// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { asStepError, type ErrorKind, EXIT_CODE } from '../errors/errors.ts';
import { createLogger, type LogFormat, type Logger } from '../log/log.ts';

/** What a service is run with. */
export type ServiceRun<C> = { config: C; env: Record<string, string | undefined>; log: Logger; signal: AbortSignal };

/**
 * The process of a service: reads its settings, runs it until SIGTERM or SIGINT, and ends the process with the exit code of what `run` gives, or of the error
 * that ended it, which is told on stderr with its hint.
 */
export async function serviceProcess<C extends { 'log-format': LogFormat }>(
  readConfig: (args: readonly string[], env: Record<string, string | undefined>) => C,
  run: (service: ServiceRun<C>) => Promise<ErrorKind | 'ok'>,
): Promise<never> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  try {
    const config = readConfig(process.argv.slice(2), process.env);
    const log = createLogger({ write: (line) => process.stderr.write(line), format: config['log-format'], now: () => new Date() });
    process.exit(EXIT_CODE[await run({ config, env: process.env, log, signal: stop.signal })]);
  } catch (thrown) {
    const error = asStepError(thrown);
    process.stderr.write(`${error.code}: ${error.message}${error.hint ? `\nhint: ${error.hint}` : ''}\n`);
    if (error.kind === 'bug') process.stderr.write(`${error.cause instanceof Error ? error.cause.stack : error.stack}\n`);
    process.exit(EXIT_CODE[error.kind]);
  }
}
