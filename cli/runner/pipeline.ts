// SPDX-License-Identifier: Apache-2.0
import { parseAllDocuments } from 'yaml';
import type * as z from 'zod';
import { inputError, type StepError } from '../../lib/errors/errors.ts';
import type { CustomReference } from './custom-task.ts';
import { PipelineManifest, type PipelineSpec, type PipelineTask, TaskManifest, type TaskSpec } from './manifest.ts';
import { bindParams } from './params.ts';
import { scopeKey, substituteText, type Value } from './substitute.ts';

export type Pipeline = { name: string; spec: PipelineSpec };
export type Task = { name: string; spec: TaskSpec };
/** A Pipeline and, by the name of the pipeline task, the Task or the custom task that each runs. */
export type LoadedPipeline = { pipeline: Pipeline; tasks: ReadonlyMap<string, Task>; customs: ReadonlyMap<string, CustomReference> };

const MAX_MANIFEST_BYTES = 1024 * 1024;

type Finding = { unsupported: boolean; text: string };

/**
 * A Pipeline (tekton.dev/v1) with its Tasks, checked against what the laptop runner can do.
 *
 * `text` holds exactly one Pipeline, and may hold Tasks beside it; `loadTask` gives the YAML of any other Task by name, undefined when there is
 * none. `params` are those of the run; a slot (the cluster resolver, whose name may be `$(params.x)`) is filled from them. Everything wrong is told in one input error: RUNNER_UNSUPPORTED when a field is valid Tekton (or unknown) that this runner does not
 * honour, else RUNNER_INVALID.
 */
export async function loadPipeline(
  text: string,
  loadTask: (name: string) => Promise<string | undefined> | string | undefined,
  params: Readonly<Record<string, Value>> = {},
): Promise<LoadedPipeline> {
  const documents = parseManifests(text, 'the Pipeline file');
  const raw = documents.filter((document) => kindOf(document) === 'Pipeline');
  if (raw.length !== 1) throw inputError('RUNNER_INVALID', `the Pipeline file holds ${raw.length} Pipelines; one is needed`);
  const findings: Finding[] = [];
  const manifest = PipelineManifest.safeParse(raw[0]);
  if (!manifest.success) findings.push(...describeIssues(manifest.error, raw[0], `Pipeline ${nameOf(raw[0])}`));

  const pipeline = manifest.success ? { name: manifest.data.metadata.name, spec: fillSlots(manifest.data.spec, params) } : undefined;
  const tasks = new Map<string, Task>();
  const customs = new Map<string, CustomReference>();
  for (const use of pipeline ? [...pipeline.spec.tasks, ...(pipeline.spec.finally ?? [])] : []) {
    const where = `Pipeline ${pipeline?.name}, task ${use.name}`;
    if (tasks.has(use.name) || customs.has(use.name)) findings.push({ unsupported: false, text: `${where}: the name is used twice` });
    const custom = customOf(use);
    if (custom) customs.set(use.name, custom);
    const task = custom ? undefined : await findTask(use, documents, loadTask, where, findings);
    if (task) {
      tasks.set(use.name, task);
      findings.push(...checkTask(task, where));
    }
  }
  if (pipeline) findings.push(...duplicates(pipeline.spec, `Pipeline ${pipeline.name}`));
  if (pipeline === undefined || findings.length > 0) throw loadError(findings);
  return { pipeline, tasks, customs };
}

/** The Pipeline with every slot turned into a plain name: Tekton substitutes params in a resolver's params before it looks for the Task. */
function fillSlots(spec: PipelineSpec, given: Readonly<Record<string, Value>>): PipelineSpec {
  const scope = new Map(
    [...bindParams(spec.params ?? [], new Map(Object.entries(given)), '').values].map(([name, value]) => [scopeKey('params', name), value]),
  );
  const fill = (use: PipelineTask): PipelineTask => {
    if (use.taskRef === undefined || !('resolver' in use.taskRef) || use.taskRef.resolver === undefined) return use;
    const name = use.taskRef.params?.find((param) => param.name === 'name')?.value;
    return { ...use, taskRef: { name: substituteText(name ?? '', scope) } };
  };
  return { ...spec, tasks: spec.tasks.map(fill), ...(spec.finally && { finally: spec.finally.map(fill) }) };
}

/** What a pipeline task asks for when that is a custom task. */
function customOf({ taskRef, taskSpec }: PipelineTask): CustomReference | undefined {
  const custom = [taskRef, taskSpec].find((one) => one !== undefined && 'apiVersion' in one);
  if (custom === undefined || !('apiVersion' in custom)) return undefined;
  const { apiVersion, kind } = custom;
  return { apiVersion, kind, ...('name' in custom && { name: custom.name }), ...('spec' in custom && { spec: custom.spec }) };
}

function parseManifests(text: string, what: string): unknown[] {
  if (Buffer.byteLength(text) > MAX_MANIFEST_BYTES) throw inputError('RUNNER_INVALID', `${what} is larger than ${MAX_MANIFEST_BYTES} bytes`);
  try {
    return parseAllDocuments(text).map((document) => {
      if (document.errors[0]) throw document.errors[0];
      return document.toJS() as unknown;
    });
  } catch (cause) {
    throw inputError('RUNNER_INVALID', `${what} is not valid YAML: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`, { cause });
  }
}

async function findTask(
  use: PipelineTask,
  documents: readonly unknown[],
  loadTask: (name: string) => Promise<string | undefined> | string | undefined,
  where: string,
  findings: Finding[],
): Promise<Task | undefined> {
  if (use.taskSpec && 'steps' in use.taskSpec) return { name: use.name, spec: use.taskSpec };
  const name = use.taskRef?.name ?? '';
  const isIt = (document: unknown) => kindOf(document) === 'Task' && nameOf(document) === name;
  let raw = documents.find(isIt);
  if (raw === undefined) {
    const text = await loadTask(name);
    raw = text === undefined ? undefined : parseManifests(text, `the file of Task ${name}`).find(isIt);
  }
  if (raw === undefined) {
    findings.push({ unsupported: false, text: `${where}: there is no Task ${name}` });
    return undefined;
  }
  const manifest = TaskManifest.safeParse(raw);
  if (manifest.success) return { name, spec: manifest.data.spec };
  findings.push(...describeIssues(manifest.error, raw, `${where}, Task ${name}`));
  return undefined;
}

function checkTask({ spec }: Task, where: string): Finding[] {
  const volumes = new Set(spec.volumes?.map(({ name }) => name));
  const mounts = [...(spec.stepTemplate?.volumeMounts ?? []), ...spec.steps.flatMap((step) => step.volumeMounts ?? [])];
  const loose = mounts.filter(({ name }) => !volumes.has(name));
  return [
    ...loose.map(({ name }) => ({ unsupported: false, text: `${where}: volumeMounts names "${name}", which is no volume of the Task` })),
    ...repeated(spec.params, `${where}: param`),
    ...repeated(spec.results, `${where}: result`),
    ...repeated(spec.workspaces, `${where}: workspace`),
  ];
}

function duplicates(spec: PipelineSpec, where: string): Finding[] {
  const late = (spec.finally ?? []).filter(({ runAfter }) => runAfter !== undefined);
  return [
    ...repeated(spec.params, `${where}: param`),
    ...repeated(spec.results, `${where}: result`),
    ...repeated(spec.workspaces, `${where}: workspace`),
    ...late.map(({ name }) => ({ unsupported: false, text: `${where}, task ${name}: a finally task cannot have runAfter` })),
  ];
}

function repeated(items: readonly { name: string }[] | undefined, what: string): Finding[] {
  const names = (items ?? []).map(({ name }) => name);
  const twice = names.filter((name, position) => names.indexOf(name) !== position);
  return twice.map((name) => ({ unsupported: false, text: `${what} "${name}" is declared twice` }));
}

function describeIssues(error: z.ZodError, document: unknown, where: string): Finding[] {
  const foreign = error.issues.filter(({ code }) => code === 'unrecognized_keys').map(({ path }) => path);
  // An object with a field we refuse (a resolver, a CEL guard) often lacks the fields we would need; saying so too would only distract.
  const issues = error.issues.filter(({ code, path }) => code === 'unrecognized_keys' || !foreign.some((prefix) => startsWith(path, prefix)));
  return issues.flatMap((issue): Finding[] => {
    const at = placeOf(issue.path, document, where);
    const prefix = at.field ? `${at.field}.` : '';
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ unsupported: true, text: `${at.where}: ${prefix}${key}` }));
    const last = issue.path.at(-1);
    if (last === 'resolver') return [{ unsupported: true, text: `${at.where}: ${at.field}` }];
    if (last === 'kind' || last === 'apiVersion') return [{ unsupported: true, text: `${at.where}: this ${at.field}` }];
    return [{ unsupported: false, text: `${at.where}: ${at.field}${at.field && ' '}${lowerFirst(issue.message)}` }];
  });
}

function startsWith(path: readonly PropertyKey[], prefix: readonly PropertyKey[]): boolean {
  return prefix.every((part, position) => path[position] === part);
}

/** Turns a path such as spec.tasks.3.taskRef into "…, task gate" and the field "taskRef". */
function placeOf(path: readonly PropertyKey[], document: unknown, where: string): { where: string; field: string } {
  let place = where;
  let field = '';
  let value = document;
  for (const part of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined;
    if (typeof part !== 'number') {
      field += field === '' ? String(part) : `.${String(part)}`;
      continue;
    }
    const kind = field === 'spec.tasks' || field === 'spec.finally' ? 'task' : field.endsWith('steps') ? 'step' : undefined;
    const name = typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string' ? value.name : undefined;
    if (kind === undefined || name === undefined) {
      field += `[${name ?? part}]`;
    } else {
      place += `, ${kind} ${name}`;
      field = '';
    }
  }
  return { where: place, field };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function loadError(findings: readonly Finding[]): StepError {
  const unsupported = findings.filter((finding) => finding.unsupported).map(({ text }) => `${text} is not supported by the laptop runner`);
  const problems = [...unsupported, ...findings.filter((finding) => !finding.unsupported).map(({ text }) => text)];
  const hint = unsupported.length > 0 ? 'take the field out, or run this Pipeline in a cluster' : undefined;
  return inputError(unsupported.length > 0 ? 'RUNNER_UNSUPPORTED' : 'RUNNER_INVALID', problems.join('\n'), { hint });
}

function kindOf(document: unknown): unknown {
  return typeof document === 'object' && document !== null && 'kind' in document ? document.kind : undefined;
}

function nameOf(document: unknown): string {
  const metadata = typeof document === 'object' && document !== null && 'metadata' in document ? document.metadata : undefined;
  const name = typeof metadata === 'object' && metadata !== null && 'name' in metadata ? metadata.name : undefined;
  return typeof name === 'string' ? name : '(without a name)';
}
