// SPDX-License-Identifier: Apache-2.0
import { asStepError, EXIT_CODE, type StepError, transientError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { createLogger, type Logger } from '../log/log.ts';
import { scrub } from '../log/redact.ts';
import { type DigestReference, parseDigestReference, repositoryName } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { helpText } from '../spec/help.ts';
import { parseInputs } from '../spec/parse.ts';
import type { AnyTaskSpec, FailureSpec, Inputs, Results } from '../spec/spec.ts';
import { writeResult } from './results.ts';

/** What a step's `run` works with; everything that reaches outside comes in here. */
export type StepDeps = {
  log: Logger;
  http: Http;
  registry: Registry;
  /** The Sigstore trusted root (JSON text) when the param trusted-root names one. */
  trustedRoot: string | undefined;
  now: () => Date;
  signal: AbortSignal;
  version: string;
  /** SOURCE_DATE_EPOCH in seconds, when the environment sets it (reproducible-builds.org). */
  sourceDateEpoch: number | undefined;
};

/** What a step's `run` gives back: its results and, when the answer is no, why. */
export type StepOutcome<S extends AnyTaskSpec> = { results: Results<S>; denied?: StepError };
export type Run<S extends AnyTaskSpec> = (inputs: Inputs<S>, deps: StepDeps) => Promise<StepOutcome<S>>;

/** The process around a step, as the entry point of a bundle hands it over. */
export type StepProcess = {
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  stdout: (text: string) => void;
  stderr: (text: string) => void;
  now: () => Date;
  /** Aborted when the process is told to stop (SIGTERM, SIGINT). */
  stop: AbortSignal;
  version: string;
};

/** Runs one step from its arguments to its exit code: parses, sets the deadline, calls `run`, writes the results, `outcome` always, and explains an error in the log. */
export async function runStep<S extends AnyTaskSpec>(spec: S, run: Run<S>, process: StepProcess): Promise<number> {
  if (process.argv.includes('--help')) return print(process, helpText(spec, process.version));
  if (process.argv.includes('--version')) return print(process, `${spec.name} ${process.version}\n`);
  const log = createLogger({ write: process.stderr, format: process.env['LOG_FORMAT'] === 'json' ? 'json' : 'text', now: process.now });
  const started = process.now().getTime();
  let subject = claimedSubject(process.argv);
  let gained: Record<string, string> = {};
  let error: StepError | undefined;
  try {
    const inputs = parseInputs(spec, process.argv, process.env);
    const image = inputs.params.image as DigestReference | undefined;
    if (image) subject = `${repositoryName(image)}@${image.digest}`;
    log.info(`${spec.name} ${process.version}`, { subject: subject || undefined });
    const outcome = await runWithDeadline(inputs, run, process, log);
    for (const [name, value] of Object.entries<string>(outcome.results)) await writeResult(process.env, name, value);
    const { subject: _, ...results } = outcome.results as Record<string, string>;
    gained = Object.fromEntries(Object.entries(results).filter(([, value]) => value !== ''));
    error = outcome.denied;
    if (error) error = await tolerated(error, inputs.params as Record<string, unknown>, spec, log, process);
    else await writeResult(process.env, 'outcome', 'ok');
  } catch (thrown) {
    error = asStepError(thrown);
    await writeResult(process.env, 'subject', subject).catch(() => undefined);
    await writeResult(process.env, 'outcome', error.kind).catch((cause) => log.error(`the result outcome could not be written: ${cause}`));
  }
  if (error) explain(error, spec, log);
  log.info(`${spec.name} ${error ? `ended: ${error.kind}` : 'done'}`, { ...gained, seconds: Number(((process.now().getTime() - started) / 1000).toFixed(1)) });
  return EXIT_CODE[error?.kind ?? 'ok'];
}

/** The subject that the arguments name, for the result of a step that cannot even start; empty when they name none. */
function claimedSubject(argv: readonly string[]): string {
  const given = argv.find((argument) => argument.startsWith('--image='))?.slice('--image='.length) ?? '';
  try {
    const image = parseDigestReference(given);
    return `${repositoryName(image)}@${image.digest}`;
  } catch {
    // parseInputs tells what is wrong with it.
    return '';
  }
}

/** A denial under `enforce=false` is reported and recorded in `outcome`, and does not fail the step. */
async function tolerated(
  error: StepError,
  params: Record<string, unknown>,
  spec: AnyTaskSpec,
  log: Logger,
  process: StepProcess,
): Promise<StepError | undefined> {
  await writeResult(process.env, 'outcome', error.kind);
  if (params['enforce'] !== false) return error;
  explain(error, spec, log);
  log.warn('enforce=false: the step succeeds although the answer is no');
  return undefined;
}

async function runWithDeadline<S extends AnyTaskSpec>(inputs: Inputs<S>, run: Run<S>, process: StepProcess, log: Logger): Promise<StepOutcome<S>> {
  const milliseconds = (inputs.params as { timeout: number }).timeout;
  const timeout = AbortSignal.timeout(milliseconds);
  const signal = AbortSignal.any([timeout, process.stop]);
  // Loaded only when the params are known to be good, so that a wrong one is told at once.
  const { openDeps } = await import('./open-deps.ts');
  const { deps, close } = await openDeps(inputs, { log, signal, deadline: process.now().getTime() + milliseconds }, process);
  try {
    return await run(inputs, deps);
  } catch (error) {
    if (timeout.aborted)
      throw transientError('TIMEOUT', `the step did not finish within ${milliseconds / 1000} s (param timeout)`, {
        cause: error,
        hint: 'run it again, or give it more time with the param timeout',
      });
    if (process.stop.aborted)
      throw transientError('STOPPED', 'the step was told to stop before it was done', { cause: error, hint: 'run it again: it goes on where it stopped' });
    throw error;
  } finally {
    close();
  }
}

function explain(error: StepError, spec: AnyTaskSpec, log: Logger): void {
  const failures = spec.failures as Record<string, FailureSpec>;
  const [first = '', ...more] = scrub(error.message).split('\n');
  log.error(first, { code: error.code });
  for (const line of more) log.error(line);
  for (let cause = error.cause, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) log.error(`because: ${cause.message}`);
  const hint = error.hint ?? failures[error.code]?.hint;
  if (hint) log.error(`hint: ${hint}`);
  if (error.kind === 'bug') log.error(`this is a bug of ${spec.name}, please report it: ${error.cause instanceof Error ? error.cause.stack : error.stack}`);
}

function print(process: StepProcess, text: string): number {
  process.stdout(text);
  return EXIT_CODE.ok;
}
