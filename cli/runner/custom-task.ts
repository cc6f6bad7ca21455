// SPDX-License-Identifier: Apache-2.0
import type { ResultSpec } from './manifest.ts';
import type { LoadedPipeline } from './pipeline.ts';
import type { RunIdentity } from './scope.ts';
import type { Value } from './substitute.ts';

/** What a pipeline task of another API than Tekton's asks for: a CustomRun's `customRef` (by name) or `customSpec` (with its spec). */
export type CustomReference = { apiVersion: string; kind: string; name?: string | undefined; spec?: unknown };

/** What the controller of a custom task gets: a CustomRun in all but name (Tekton docs/customruns.md). `timeout` and `retries` are as the Pipeline has them; following them is the controller's business, as in a cluster. */
export type CustomRunInput = {
  pipelineTask: string;
  reference: CustomReference;
  customRun: RunIdentity;
  /** Name of the PipelineRun. */
  pipelineRun: string;
  params: ReadonlyMap<string, Value>;
  /** Workspace name → host folder. */
  workspaces: ReadonlyMap<string, string>;
  timeout?: string | undefined;
  retries: number;
  onLine: (text: string) => void;
  /** Aborted: spec.status becomes RunCancelled. */
  cancel: AbortSignal;
  now: () => Date;
};

/** The final status. `reason` and `message` are those of the condition; results of a CustomRun are strings. */
export type CustomRunEnd = {
  state: 'Succeeded' | 'Failed' | 'Cancelled';
  reason: string;
  message?: string;
  results: Readonly<Record<string, string>>;
  /** Attempts before the last one (`retriesStatus`). */
  retries?: number;
  /** What else it has to tell (`status.extraFields`). */
  extraFields?: Readonly<Record<string, unknown>>;
  /** What the command line exits with when this is why the run failed. */
  exitCode?: number;
};

/** What stands in for the controller of a custom task, with the names of the results that it sets. */
export type CustomTask = { results: readonly string[]; run: (input: CustomRunInput) => Promise<CustomRunEnd> };
/** Custom tasks by `<apiVersion>/<kind>`. */
export type CustomTasks = ReadonlyMap<string, CustomTask>;

/** The key of a reference in `CustomTasks`. */
export function customTaskKey({ apiVersion, kind }: CustomReference): string {
  return `${apiVersion}/${kind}`;
}

/** What the tasks of a Pipeline run, as far as it is known before the run. */
export type Definitions = Pick<LoadedPipeline, 'tasks' | 'customs'> & { customTasks?: CustomTasks };

/** What a pipeline task runs, for people, and the results that this declares. */
export function definitionOf({ tasks, customs, customTasks }: Definitions, pipelineTask: string): { title: string; results: readonly ResultSpec[] } {
  const custom = customs.get(pipelineTask);
  if (custom === undefined) return { title: `Task ${tasks.get(pipelineTask)?.name}`, results: tasks.get(pipelineTask)?.spec.results ?? [] };
  const results = customTasks?.get(customTaskKey(custom))?.results ?? [];
  return { title: `the custom task ${customTaskKey(custom)}`, results: results.map((name) => ({ name, type: 'string', properties: undefined })) };
}
