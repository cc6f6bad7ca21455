// SPDX-License-Identifier: Apache-2.0
import { PARAM_NAMES as GATE_PARAMS } from '../../services/approval-gate/gate-request.ts';
import { RESULTS as GATE_RESULTS } from '../../services/approval-gate/gate-status.ts';
import { type Context, type Contract, contractOf, folderOf, type Manifest, type PipelineTask, type Resource, variablesIn } from './manifest.ts';
import type { Rule } from './rule.ts';
import { isPlaceholder, slotContract, slotParam } from './slots.ts';

export const PIPELINE_RULES: readonly Rule[] = [
  {
    id: 'pipeline-references',
    why: 'a wrong name in a Pipeline is found by Tekton only when the task is to start, an hour into the run',
    source: 'design; Tekton docs/pipelines.md',
    kinds: ['Pipeline'],
    check: ({ resource }, context) => [
      ...allTasks(resource).flatMap((use) => useProblems(use, resource, context).map((problem) => `task ${use.name}: ${problem}`)),
      ...resultProblems(resource.spec.results, 'results', resource, context),
      // Tekton's webhook lets other variables through, and its controller stumbles over them (ApplyTaskResultsToPipelineResults).
      ...variablesIn((resource.spec.results ?? []).map((result) => result['value']))
        .filter((variable) => !/^(tasks|finally)\.[^.]+\.results\./.test(variable))
        .map((variable) => `results: $(${variable}) is no result of a task, and a Pipeline has no other ones`),
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
    check: ({ resource }, context) =>
      allTasks(resource)
        .filter((use) => use.retries !== undefined && contractOfUse(use, context)?.params.has('enforce'))
        .map((use) => `task ${use.name} has retries, and its Task can answer "denied"`),
  },
  {
    id: 'samples-fit',
    why: 'a sample with a wrong name is worse than none',
    source: 'design',
    kinds: ['Task', 'Pipeline'],
    check: ({ path, resource }, { samples, slots }) =>
      (samples.get(folderOf(path)) ?? []).flatMap((sample) => sampleProblems(sample, resource, slots).map((problem) => `${sample.path}: ${problem}`)),
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

/** The contract of what a pipeline task runs: a custom task when its reference has an apiVersion, what its slot asks for, or a Task of the catalog. */
function contractOfUse(use: PipelineTask, { tasks, slots }: Context): Contract | undefined {
  if (use.taskRef?.apiVersion !== undefined) return CUSTOM_TASKS[use.taskRef.kind ?? ''];
  const param = slotParam(use);
  if (param === undefined) return tasks.get(use.taskRef?.name ?? '');
  const slot = slots[param];
  return slot && slotContract(slot, tasks);
}

function useProblems(use: PipelineTask, pipeline: Resource, context: Context): string[] {
  const contract = contractOfUse(use, context);
  const slot = slotParam(use);
  if (!contract)
    return [slot === undefined ? `there is no Task ${use.taskRef?.name} in the catalog` : `$(params.${slot}) is no slot that scripts/check/slots.ts knows`];
  const known = new Set((pipeline.spec.tasks ?? []).map((task) => task.name));
  const params = new Set((pipeline.spec.params ?? []).map((param) => param.name));
  return [
    ...(slot === undefined ? [] : slotProblems(slot, pipeline, context)),
    ...bindingProblems(contract, use.params ?? [], use.workspaces ?? []),
    ...(use.workspaces ?? []).flatMap((binding) => workspaceProblems(binding.name, binding.workspace ?? binding.name, pipeline, contract)),
    ...(use.runAfter ?? []).filter((before) => !known.has(before)).map((before) => `runAfter names ${before}, which is no task of the Pipeline`),
    ...variablesIn(use)
      .filter((variable) => variable.startsWith('params.') && !params.has(variable.slice('params.'.length)))
      .map((variable) => `$(${variable}) is no param of the Pipeline`),
    ...resultProblems(use, 'value', pipeline, context),
  ];
}

/** A slot whose default does not fit would fail every run that leaves it alone. */
function slotProblems(name: string, { spec }: Resource, { slots }: Context): string[] {
  const slot = slots[name];
  const fallback = spec.params?.find((param) => param.name === name)?.default;
  const fitting = slot === undefined ? [] : 'placeholder' in slot ? [slot.placeholder] : slot.fits;
  return fitting.some((task) => task === fallback) ? [] : [`the param ${name} defaults to ${fallback}, not to ${fitting.join(' or ')}`];
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

function resultProblems(value: unknown, where: string, pipeline: Resource, context: Context): string[] {
  const all = new Map(allTasks(pipeline).map((use) => [use.name, use]));
  return variablesIn(value).flatMap((variable) => {
    const [, task = '', result = ''] = /^(?:tasks|finally)\.([^.]+)\.results\.([^.[\]]+)/.exec(variable) ?? [];
    if (task === '') return [];
    const use = all.get(task);
    if (!use) return [`${where}: $(${variable}) names no task of the Pipeline`];
    return contractOfUse(use, context)?.results.has(result) ? [] : [`${where}: $(${variable}) names no result of that Task`];
  });
}

function sampleProblems(sample: Manifest, resource: Resource, slots: Context['slots']): string[] {
  const { kind, spec } = sample.resource;
  if (kind === 'Task') return isPlaceholder(resource.metadata.name, slots) ? misfits(contractOf(resource), contractOf(sample.resource)) : [];
  const reference = (spec['taskRef'] ?? spec['pipelineRef']) as { name?: string } | undefined;
  if (reference?.name !== resource.metadata.name) return [`runs ${reference?.name}, not ${resource.metadata.name}`];
  return runProblems(spec, resource);
}

/** What keeps a Task from taking the place of a slot. */
function misfits(slot: Contract, task: Contract): string[] {
  const given = { params: [...slot.params.keys()], workspaces: [...slot.workspaces.keys()] };
  return [
    ...differences('param', task.params, new Set(given.params)),
    ...differences('workspace', task.workspaces, new Set(given.workspaces)),
    ...[...slot.results].filter((name) => !task.results.has(name)).map((name) => `there is no result ${name}`),
  ];
}

/** The params and workspaces that a run gives, compared with what the Task or Pipeline that it runs asks for. */
export function runProblems(spec: Readonly<Record<string, unknown>>, resource: Resource): string[] {
  const list = (key: string) => (spec[key] ?? []) as { name: string }[];
  return bindingProblems(contractOf(resource), list('params'), list('workspaces'));
}
