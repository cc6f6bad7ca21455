// SPDX-License-Identifier: Apache-2.0
import { PARAM_NAMES as GATE_PARAMS } from '../../services/approval-gate/gate-request.ts';
import { RESULTS as GATE_RESULTS } from '../../services/approval-gate/gate-status.ts';
import { type Context, type Contract, contractOf, folderOf, type Manifest, type PipelineTask, type Resource, variablesIn } from './manifest.ts';
import type { Rule } from './rule.ts';

export const PIPELINE_RULES: readonly Rule[] = [
  {
    id: 'pipeline-references',
    why: 'a wrong name in a Pipeline is found by Tekton only when the task is to start, an hour into the run',
    source: 'design; Tekton docs/pipelines.md',
    kinds: ['Pipeline'],
    check: ({ resource }, { tasks }) => [
      ...allTasks(resource).flatMap((use) => useProblems(use, resource, tasks).map((problem) => `task ${use.name}: ${problem}`)),
      ...resultProblems(resource.spec.results, 'results', resource, tasks),
    ],
  },
  {
    id: 'finally-without-results',
    why: 'Tekton skips a finally task that refers to a result of a task that did not run: exactly when something failed',
    source: 'design; Tekton docs/pipelines.md',
    kinds: ['Pipeline'],
    check: ({ resource: { spec } }) =>
      (spec.finally ?? []).flatMap((use) =>
        variablesIn(use)
          .filter((name) => /^tasks\.[^.]+\.results\b/.test(name))
          .map((name) => `finally task ${use.name} refers to $(${name})`),
      ),
  },
  {
    id: 'no-retries-on-verdicts',
    why: 'Tekton repeats on any failure, so a denial would be asked for again until someone looks away',
    source: 'design; Tekton docs/pipelines.md',
    kinds: ['Pipeline'],
    check: ({ resource }, { tasks }) =>
      allTasks(resource)
        .filter((use) => use.retries !== undefined && tasks.get(taskName(use, resource) ?? '')?.params.has('enforce'))
        .map((use) => `task ${use.name} has retries, and its Task can answer "denied"`),
  },
  {
    id: 'samples-fit',
    why: 'a sample with a wrong name is worse than none',
    source: 'design',
    kinds: ['Task', 'Pipeline'],
    check: ({ path, resource }, { samples }) =>
      (samples.get(folderOf(path)) ?? []).flatMap((sample) => sampleProblems(sample, resource).map((problem) => `${sample.path}: ${problem}`)),
  },
];

function allTasks({ spec }: Resource): PipelineTask[] {
  return [...(spec.tasks ?? []), ...(spec.finally ?? [])];
}

/** What custom tasks of the suite take and give, by kind. */
const CUSTOM_TASKS: Readonly<Record<string, Contract>> = {
  ApprovalGate: {
    params: new Map(GATE_PARAMS.map((name) => [name, { required: false }])),
    workspaces: new Map(),
    results: new Set(GATE_RESULTS),
  },
};

/** The contract of what a pipeline task runs: a custom task when its reference has an apiVersion, else a Task of the catalog. */
function contractOfUse(use: PipelineTask, pipeline: Resource, tasks: Context['tasks']): Contract | undefined {
  return use.taskRef?.apiVersion === undefined ? tasks.get(taskName(use, pipeline) ?? '') : CUSTOM_TASKS[use.taskRef.kind ?? ''];
}

/** The name of the Task; that of a slot (the cluster resolver with the name `$(params.x)`) is the default of the param. */
function taskName(use: PipelineTask, { spec }: Resource): string | undefined {
  const name = use.taskRef?.name ?? use.taskRef?.params?.find((param) => param.name === 'name')?.value;
  const [, slot] = /^\$\(params\.([^()]+)\)$/.exec(name ?? '') ?? [];
  if (slot === undefined) return name;
  const fallback = spec.params?.find((param) => param.name === slot)?.default;
  return typeof fallback === 'string' ? fallback : undefined;
}

function useProblems(use: PipelineTask, pipeline: Resource, tasks: Context['tasks']): string[] {
  const contract = contractOfUse(use, pipeline, tasks);
  if (!contract) return [`there is no Task ${taskName(use, pipeline)} in the catalog`];
  const known = new Set((pipeline.spec.tasks ?? []).map((task) => task.name));
  const params = new Set((pipeline.spec.params ?? []).map((param) => param.name));
  return [
    ...bindingProblems(contract, use.params ?? [], use.workspaces ?? []),
    ...(use.workspaces ?? []).flatMap((binding) => workspaceProblems(binding.name, binding.workspace ?? binding.name, pipeline, contract)),
    ...(use.runAfter ?? []).filter((before) => !known.has(before)).map((before) => `runAfter names ${before}, which is no task of the Pipeline`),
    ...variablesIn(use)
      .filter((variable) => variable.startsWith('params.') && !params.has(variable.slice('params.'.length)))
      .map((variable) => `$(${variable}) is no param of the Pipeline`),
    ...resultProblems(use, 'value', pipeline, tasks),
  ];
}

/** What a use gives and what the Task asks for, compared. */
function bindingProblems(contract: Contract, params: readonly { name: string }[], workspaces: readonly { name: string }[]): string[] {
  return [
    ...differences('param', contract.params, new Set(params.map(({ name }) => name))),
    ...differences('workspace', contract.workspaces, new Set(workspaces.map(({ name }) => name))),
  ];
}

function differences(what: string, declared: ReadonlyMap<string, { required: boolean }>, given: ReadonlySet<string>): string[] {
  const missing = [...declared].filter(([name, { required }]) => required && !given.has(name));
  return [
    ...[...given].filter((name) => !declared.has(name)).map((name) => `there is no ${what} ${name}`),
    ...missing.map(([name]) => `the ${what} ${name} is required and not given`),
  ];
}

function workspaceProblems(name: string, source: string, pipeline: Resource, contract: Contract): string[] {
  const declared = pipeline.spec.workspaces?.find((workspace) => workspace.name === source);
  if (!declared) return [`${source} is no workspace of the Pipeline`];
  return declared.optional && contract.workspaces.get(name)?.required ? [`the workspace ${name} is required, and ${source} is optional in the Pipeline`] : [];
}

function resultProblems(value: unknown, where: string, pipeline: Resource, tasks: Context['tasks']): string[] {
  const all = new Map(allTasks(pipeline).map((use) => [use.name, use]));
  return variablesIn(value).flatMap((variable) => {
    const [, task = '', result = ''] = /^(?:tasks|finally)\.([^.]+)\.results\.([^.[\]]+)/.exec(variable) ?? [];
    if (task === '') return [];
    const use = all.get(task);
    if (!use) return [`${where}: $(${variable}) names no task of the Pipeline`];
    return contractOfUse(use, pipeline, tasks)?.results.has(result) ? [] : [`${where}: $(${variable}) names no result of that Task`];
  });
}

function sampleProblems(sample: Manifest, resource: Resource): string[] {
  const { kind, spec } = sample.resource;
  if (kind === 'Task') return [];
  const reference = (spec['taskRef'] ?? spec['pipelineRef']) as { name?: string } | undefined;
  if (reference?.name !== resource.metadata.name) return [`runs ${reference?.name}, not ${resource.metadata.name}`];
  return bindingProblems(contractOf(resource), spec.params ?? [], spec.workspaces ?? []);
}
