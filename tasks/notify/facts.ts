// SPDX-License-Identifier: Apache-2.0

/** One task of a run, as PipelineRun and laptop runner alike tell it. Texts are foreign and as they came. */
export type TaskFact = {
  name: string;
  state: 'Succeeded' | 'Failed' | 'Cancelled' | 'Running' | 'Skipped';
  reason: string;
  message: string;
  /** Failed under `onError: continue`. */
  ignored: boolean;
  results: Readonly<Record<string, string>>;
  /** RFC 3339. */
  completionTime: string | undefined;
};

/** What is known of a run beside the params. */
export type RunFacts = { cancelled: boolean; startTime: string | undefined; tasks: TaskFact[] };

/** Most tasks that are looked at; Tekton's own Pipelines are far smaller. */
export const MAX_TASKS = 200;
