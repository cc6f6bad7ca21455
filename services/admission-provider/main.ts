// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { asStepError, EXIT_CODE } from '../../lib/errors/errors.ts';
import { createLogger } from '../../lib/log/log.ts';
import { readConfig } from './config.ts';
import { runService } from './service.ts';

/** Exit code 0 after SIGTERM or SIGINT, else that of the error. */
async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  try {
    const config = readConfig(process.argv.slice(2), process.env);
    const log = createLogger({ write: (line) => process.stderr.write(line), format: config['log-format'], now: () => new Date() });
    await runService({ config, env: process.env, log, signal: stop.signal });
    process.exit(EXIT_CODE.ok);
  } catch (thrown) {
    const error = asStepError(thrown);
    process.stderr.write(`${error.code}: ${error.message}${error.hint ? `\nhint: ${error.hint}` : ''}\n`);
    if (error.kind === 'bug') process.stderr.write(`${error.cause instanceof Error ? error.cause.stack : error.stack}\n`);
    process.exit(EXIT_CODE[error.kind]);
  }
}

void main();
