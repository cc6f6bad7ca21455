// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { loadPipeline } from '../runner/pipeline.ts';
import { createProgress } from '../runner/progress.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import { runPipeline } from '../runner/run-pipeline.ts';
import type { Value } from '../runner/substitute.ts';
import type { WorkspaceBindings } from '../runner/workspace.ts';
import type { Services } from '../services/services.ts';
import { TRUSTED_ROOT_FILE } from '../services/services.ts';
import type { State } from '../state/state.ts';
import { bundleContainers } from './bundles.ts';

const MAX_MANIFEST_BYTES = 1024 * 1024;

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
  verbose?: boolean;
};

/** What a laptop run fills in for params and workspaces that nobody gave; each only where the Pipeline declares it. */
function laptopDefaults(state: State, services: Services): { params: Record<string, string>; workspaces: Record<string, string> } {
  return {
    params: {
      'rekor-url': services.log.url,
      'trusted-root': TRUSTED_ROOT_FILE,
      'grafeas-url': services.grafeas.url,
      'grafeas-project': services.grafeas.project,
    },
    workspaces: { 'signing-key': state.keys, policy: state.policy, trust: state.trust, reports: state.reports },
  };
}

/** Runs a Pipeline of the catalog or of a file with the bundles in place of containers; progress goes to stderr. The first Ctrl-C stops the tasks and runs `finally`, a second one stops all. */
export async function runPipelineFile(run: LaptopRun): Promise<PipelineRun> {
  const loaded = await loadPipeline(await readPipeline(run), (name) => readTask(run, name), run.params);
  const defaults = laptopDefaults(run.state, run.services);
  const declaredParams = new Set((loaded.pipeline.spec.params ?? []).map(({ name }) => name));
  const declaredWorkspaces = new Set((loaded.pipeline.spec.workspaces ?? []).map(({ name }) => name));
  const [stop, kill] = [new AbortController(), new AbortController()];
  const onSignal = (): void => (stop.signal.aborted ? kill : stop).abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  const progress = createProgress({
    stream: process.stderr,
    now: () => new Date(),
    tasks: [...(loaded.pipeline.spec.tasks ?? []), ...(loaded.pipeline.spec.finally ?? [])].map(({ name }) => name),
    env: process.env,
    verbose: run.verbose ?? false,
  });
  try {
    return await runPipeline({
      ...loaded,
      params: { ...declared(defaults.params, declaredParams), ...run.params },
      workspaces: { ...declared(defaults.workspaces, declaredWorkspaces), ...run.workspaces },
      resolveContainer: bundleContainers(run.project),
      reporter: progress,
      signal: stop.signal,
      killSignal: kill.signal,
      tempRoot: run.state.temp,
      now: () => new Date(),
    });
  } finally {
    progress.close();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
  }
}

function declared<T>(values: Record<string, T>, names: ReadonlySet<string>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
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
