// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import process from 'node:process';
import { asStepError, EXIT_CODE } from '../../lib/errors/errors.ts';
import { createLogger } from '../../lib/log/log.ts';
import { readConfig } from './config.ts';
import { runService } from './service.ts';

/** Exit code 0 after SIGTERM or SIGINT, 75 when the lease was lost (the kubelet starts the pod anew), else that of the error. */
async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  try {
    const config = readConfig(process.argv.slice(2), process.env);
    const log = createLogger({ write: (line) => process.stderr.write(line), format: config['log-format'], now: () => new Date() });
    const outcome = await runService({ config, env: process.env, hostname: hostname(), log, signal: stop.signal });
    if (outcome === 'lost') log.error('the lease was lost; another replica decides now');
    process.exit(outcome === 'lost' ? EXIT_CODE.transient : EXIT_CODE.ok);
  } catch (thrown) {
    const error = asStepError(thrown);
    process.stderr.write(`${error.code}: ${error.message}${error.hint ? `\nhint: ${error.hint}` : ''}\n`);
    if (error.kind === 'bug') process.stderr.write(`${error.cause instanceof Error ? error.cause.stack : error.stack}\n`);
    process.exit(EXIT_CODE[error.kind]);
  }
}

void main();
