// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { asStepError, inputError } from '../../lib/errors/errors.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { type CustomTasks, customTaskKey } from '../runner/custom-task.ts';
import { type LoadedPipeline, loadPipeline } from '../runner/pipeline.ts';
import { createProgress, type Progress } from '../runner/progress.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import { runPipeline } from '../runner/run-pipeline.ts';
import type { Value } from '../runner/substitute.ts';
import type { WorkspaceBinding, WorkspaceBindings } from '../runner/workspace.ts';
import { type Services, TRUSTED_ROOT_FILE } from '../services/services.ts';
import type { State } from '../state/state.ts';
import { askAtTerminal } from './ask-gate.ts';
import { bundleContainers } from './bundles.ts';
import { chooseGateMode, type GateMode } from './gate-mode.ts';
import { GATE_TASK, readGatePolicies } from './gate-policy.ts';
import { localGate } from './local-gate.ts';
import { loginName } from './login.ts';

const MAX_MANIFEST_BYTES = 1024 * 1024;
/** Longest part of a file name that a Pipeline gives. */
const MAX_NAME = 200;

export type LaptopRun = {
  /** Folder of this project: catalog, dist. */
  project: string;
  /** Name of a Pipeline of the catalog, or the path of a YAML file. */
  pipeline: string;
  /** Folder with further Tasks, one `<name>.yaml` each. */
  tasks?: string | undefined;
  params: Readonly<Record<string, Value>>;
  workspaces: WorkspaceBindings;
  state: State;
  services: Services;
  /** Who answers approval gates; default: `ask` at a terminal, else `auto`. */
  gate?: GateMode | undefined;
  verbose?: boolean;
};

/** The record of a run of this Pipeline in the workspace reports, where `notify` reads it. */
export function runDocumentFile(pipeline: string): string {
  return `run-${pipeline.slice(0, MAX_NAME)}.json`;
}

/** What a laptop run fills in for params and workspaces that nobody gave; each only where the Pipeline declares it. */
function laptopDefaults({ state, services }: LaptopRun, pipeline: string): { params: Record<string, string>; workspaces: Record<string, string> } {
  return {
    params: {
      'rekor-url': services.log.url,
      'trusted-root': TRUSTED_ROOT_FILE,
      'grafeas-url': services.grafeas.url,
      'grafeas-project': services.grafeas.project,
      'read-run': runDocumentFile(pipeline),
      'notify-channels': 'log',
    },
    workspaces: { 'signing-key': state.keys, policy: state.policy, trust: state.trust, reports: state.reports },
  };
}

/**
 * Runs a Pipeline of the catalog or of a file with the bundles in place of containers; progress goes to stderr, the record of the run into the
 * workspace reports before `finally` and at the end. The first Ctrl-C stops the tasks and runs `finally`, a second one stops all.
 * Throws what `loadPipeline` and `runPipeline` throw, and input GATE_NO_TERMINAL and GATE_POLICY_INVALID, before anything has started.
 */
export async function runPipelineFile(run: LaptopRun): Promise<PipelineRun> {
  const loaded = await loadPipeline(await readPipeline(run), (name) => readTask(run, name), run.params);
  const { pipeline } = loaded;
  const uses = [...pipeline.spec.tasks, ...(pipeline.spec.finally ?? [])];
  const defaults = laptopDefaults(run, pipeline.name);
  const params = { ...declared(defaults.params, pipeline.spec.params), ...run.params };
  const workspaces = { ...declared(defaults.workspaces, pipeline.spec.workspaces), ...run.workspaces };
  const [stop, kill] = [new AbortController(), new AbortController()];
  const onSignal = (): void => (stop.signal.aborted ? kill : stop).abort();
  const progress = createProgress({
    stream: process.stderr,
    now: () => new Date(),
    tasks: uses.map(({ name }) => name),
    env: process.env,
    verbose: run.verbose ?? false,
    spokesmen: new Set(uses.filter(({ name }) => loaded.tasks.get(name)?.name === 'notify').map(({ name }) => name)),
  });
  const gates = await localGates(run, loaded, progress);
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  try {
    return await runPipeline({
      ...loaded,
      params,
      workspaces,
      customTasks: gates.customTasks,
      resolveContainer: bundleContainers(run.project),
      reporter: progress,
      signal: stop.signal,
      killSignal: kill.signal,
      tempRoot: run.state.temp,
      now: () => new Date(),
      onUpdate: (document) => writeRecord(document, workspaces['reports'], run.state, progress),
    });
  } finally {
    progress.close();
    gates.close();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
  }
}

/** What answers the gates of a Pipeline; nothing is read or asked for one without gates. */
async function localGates({ gate, state }: LaptopRun, loaded: LoadedPipeline, progress: Progress): Promise<{ customTasks: CustomTasks; close: () => void }> {
  if (![...loaded.customs.values()].some((reference) => customTaskKey(reference) === GATE_TASK)) return { customTasks: new Map(), close: () => {} };
  const login = loginName();
  const mode = chooseGateMode(gate, { input: process.stdin.isTTY, output: process.stderr.isTTY });
  const gates = await readGatePolicies(loaded, state.policy, login);
  const terminal =
    mode === 'auto' ? undefined : askAtTerminal({ input: process.stdin, output: process.stderr, hold: progress.hold, login, now: () => new Date() });
  return { customTasks: new Map([[GATE_TASK, localGate({ gates, login, ask: terminal?.ask })]]), close: () => terminal?.close() };
}

/** A record that cannot be written is told; it must not keep `finally` from running. */
async function writeRecord(document: PipelineRun, reports: WorkspaceBinding | undefined, state: State, { notice }: Progress): Promise<void> {
  const file = join(typeof reports === 'string' ? reports : state.reports, runDocumentFile(document.pipeline));
  await writeAtomic(file, `${JSON.stringify(document, undefined, 2)}\n`).catch((error: unknown) =>
    notice(`the record of the run was not written: ${asStepError(error).message}`),
  );
}

function declared(values: Record<string, string>, specs: readonly { name: string }[] = []): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => specs.some((spec) => spec.name === name)));
}

async function readPipeline({ project, pipeline }: LaptopRun): Promise<string> {
  const catalogued = join(project, 'catalog/pipeline', pipeline, `${pipeline}.yaml`);
  const file = /^[a-z0-9-]+$/.test(pipeline) && existsSync(catalogued) ? catalogued : pipeline;
  if (!existsSync(file)) throw inputError('PIPELINE_UNKNOWN', `${pipeline} is neither a Pipeline of the catalog nor a file`);
  return (await readBounded(file, MAX_MANIFEST_BYTES, 'Pipeline')).toString('utf8');
}

async function readTask({ project, tasks }: LaptopRun, name: string): Promise<string | undefined> {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) return undefined;
  const places = [...(tasks === undefined ? [] : [join(tasks, `${name}.yaml`)]), join(project, 'catalog/task', name, `${name}.yaml`)];
  for (const place of places) {
    const bytes = await readBoundedIfPresent(place, MAX_MANIFEST_BYTES, 'Task');
    if (bytes) return bytes.toString('utf8');
  }
  return undefined;
}
