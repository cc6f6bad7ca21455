// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { asStepError, inputError, type StepError } from '../../lib/errors/errors.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createKubeClient } from '../../lib/kube/client.ts';
import { inClusterConnection } from '../../lib/kube/in-cluster.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import type { FailureSpec, Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import { prepare, type Ready, type Sent } from './channels.ts';
import { readCredentials, registerEnvironment } from './credentials.ts';
import type { RunFacts } from './facts.ts';
import { buildNotice } from './notice.ts';
import type { ChannelName } from './params.ts';
import { readRun } from './read-run.ts';
import { readRunFile } from './run-file.ts';
import { spec } from './spec.ts';
import { toldParams } from './told-params.ts';

type Report = { channel: ChannelName; sent?: Sent; error?: StepError };

/** Tells all channels at once, each for itself. What a required channel lacks is said before any of them sends. */
export async function run(inputs: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const { workspaces } = inputs;
  const { params, problems } = toldParams(inputs.params);
  const stranger = params.required.find((channel) => !params.channels.includes(channel));
  if (stranger) throw inputError('CHANNEL_INCOMPLETE', `required names ${stranger}, and channels does not`);
  registerEnvironment(process.env);
  const credentials = await readCredentials(workspaces['notify-credentials']);
  const notes = [...problems].map(([param, problem]) => `${param} is left out: it ${problem}`);
  for (const note of notes) deps.log.warn(note);
  const facts = await readFacts(inputs, deps, notes);
  const notice = buildNotice(params, facts, notes);
  const prepared = params.channels.map((channel) => ({ channel, ready: attempt(() => prepare(channel, { params, problems, credentials, notice, deps })) }));
  for (const { channel, ready } of prepared) if ('error' in ready && params.required.includes(channel)) throw ready.error;
  const reports = await Promise.all(prepared.map(({ channel, ready }) => deliver(channel, ready, deps)));
  return outcome(inputs, reports, deps);
}

function attempt(work: () => Ready): Ready | { error: StepError } {
  try {
    return work();
  } catch (error) {
    return { error: asStepError(error) };
  }
}

async function deliver(channel: ChannelName, ready: Ready | { error: StepError }, deps: StepDeps): Promise<Report> {
  if ('error' in ready) return { channel, error: ready.error };
  if ('skip' in ready) {
    deps.log.info(`${channel}: nothing to do, ${ready.skip}`);
    return { channel };
  }
  try {
    const sent = await ready.send();
    deps.log.info(`${channel}: ${sent.how}`);
    return { channel, sent };
  } catch (error) {
    // Told to stop is another thing than out of time: the frame says so.
    if (deps.signal.aborted && !isTimeout(deps.signal.reason)) throw error;
    return { channel, error: asStepError(error) };
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}

function outcome({ params }: Inputs<typeof spec>, reports: readonly Report[], { log }: StepDeps): StepOutcome<typeof spec> {
  const fatal = reports.find(({ channel, error }) => error !== undefined && params.required.includes(channel))?.error;
  for (const { channel, error } of reports) if (error !== undefined && error !== fatal) tell(channel, error, params.required.includes(channel), log);
  const names = (chosen: (report: Report) => boolean): string =>
    reports
      .filter(chosen)
      .map(({ channel }) => channel)
      .join(',');
  const results = {
    subject: params.image === undefined ? '' : `${repositoryName(params.image)}@${params.image.digest}`,
    delivered: names(({ sent }) => sent !== undefined),
    failed: names(({ error }) => error !== undefined),
    'slack-ts': reports.find(({ sent }) => sent?.slackTs)?.sent?.slackTs ?? '',
  };
  return { results, ...(fatal && { denied: fatal }) };
}

function tell(channel: ChannelName, error: StepError, required: boolean, log: StepDeps['log']): void {
  log.warn(`${channel} failed${required ? '' : ', which does not fail the step'}: ${error.message}`, { code: error.code });
  const hint = error.hint ?? (spec.failures as Record<string, FailureSpec>)[error.code]?.hint;
  if (hint) log.warn(`hint: ${hint}`);
}

/** What else is known of the run. People are told of a failure also when its reason cannot be read; then the message says so. */
async function readFacts({ params, workspaces }: Inputs<typeof spec>, deps: StepDeps, notes: string[]): Promise<RunFacts | undefined> {
  try {
    const from = params['read-run'];
    if (from.kind !== 'file') return from.kind === 'cluster' ? await readFromCluster(params.run, deps) : undefined;
    if (workspaces.reports === undefined) throw inputError('WORKSPACE_UNBOUND', 'read-run names a file of the workspace reports, and that is not bound');
    return await readRunFile(workspaces.reports, from.path);
  } catch (thrown) {
    if (deps.signal.aborted) throw thrown;
    const { message, hint, code } = asStepError(thrown);
    deps.log.warn(`the message has no details of the tasks: ${message}${hint ? ` (${hint})` : ''}`, { code });
    notes.push(`no details of the tasks: ${message}`);
    return undefined;
  }
}

async function readFromCluster(place: Inputs<typeof spec>['params']['run'], deps: StepDeps): Promise<RunFacts> {
  const connection = await inClusterConnection(process.env, () => deps.now().getTime());
  // A client of its own, because the API server's CA is that of the cluster and not among those of ca-bundle.
  const http = createHttp({ log: deps.log, signal: deps.signal, ...(connection.ca !== undefined && { ca: connection.ca }) });
  try {
    return await readRun(createKubeClient({ http, connection }), place);
  } finally {
    http.close();
  }
}
