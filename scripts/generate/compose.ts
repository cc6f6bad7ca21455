// SPDX-License-Identifier: Apache-2.0
import { Document, isMap, isScalar, isSeq, type Pair, parseDocument, type Scalar, visit, type YAMLMap, type YAMLSeq } from 'yaml';
import * as z from 'zod';
import { inputError, type StepError } from '../../lib/errors/errors.ts';

/** What a composed Pipeline is made of, as `pipelines/NAME/compose.yaml` says it; that of deliver explains each field. */
const Part = z.strictObject({
  pipeline: z.string(),
  without: z.array(z.string()).default([]),
  wire: z.record(z.string(), z.string()).default({}),
  rename: z.record(z.string(), z.string()).default({}),
  results: z.record(z.string(), z.string()).default({}),
});
const Composition = z.strictObject({
  metadata: z.looseObject({ name: z.string() }),
  description: z.string(),
  parts: z.array(Part).min(1),
});

type Part = z.infer<typeof Part>;
type Section = (typeof SECTIONS)[number];
type Sections = Record<Section, YAMLMap[]>;

const SECTIONS = ['params', 'workspaces', 'results', 'tasks', 'finally'] as const;
const LINE_WIDTH = 118;

/**
 * The YAML of one Pipeline that does what several hand-written ones do, because a Pipeline of stable Tekton cannot hold another one. Comments,
 * order and style of the parts are kept. A param or workspace that two parts have by the same name is one of the whole, required as soon as one
 * part requires it; what nothing uses any more is left out.
 *
 * `composition` is the text of a compose.yaml, `parts` the text of each Pipeline by name. Throws input COMPOSE_INVALID when it names something that
 * a part does not have, when two parts clash (a task or result of one name, a param with two defaults), or when a task that stays needs one that goes.
 */
export function composePipeline(composition: string, parts: ReadonlyMap<string, string>): string {
  const document = parseDocument(composition);
  const parsed = Composition.safeParse(document.toJS());
  if (!parsed.success) throw invalid('compose.yaml', z.prettifyError(parsed.error));
  const { metadata } = parsed.data;
  const whole: Sections = { params: [], workspaces: [], results: [], tasks: [], finally: [] };
  for (const part of parsed.data.parts) {
    const text = parts.get(part.pipeline);
    if (text === undefined) throw invalid(metadata.name, `there is no Pipeline ${part.pipeline}`);
    addPart(whole, takePart(part, text), part.pipeline);
  }
  return toText({ metadata: document.get('metadata'), description: document.get('description', true) }, whole);
}

/** The sections of a part with everything that its entry says done to them. */
function takePart(part: Part, text: string): Sections {
  const sections = readSections(text);
  const known = new Map(SECTIONS.map((section) => [section, new Set(sections[section].map(nameOf))]));
  const tasks = new Set([...(known.get('tasks') ?? []), ...(known.get('finally') ?? [])]);
  expectKnown(
    part,
    'without',
    part.without.map((path) => path.split('.')[0] ?? ''),
    tasks,
  );
  expectKnown(part, 'wire', Object.keys(part.wire), known.get('params'));
  expectKnown(part, 'rename', Object.keys(part.rename), tasks);
  expectKnown(part, 'results', Object.keys(part.results), known.get('results'));

  const gone = new Set(part.without.filter((path) => !path.includes('.')));
  for (const path of part.without.filter((each) => each.includes('.'))) dropParam(part, path, [...sections.tasks, ...sections.finally]);
  sections.tasks = sections.tasks.filter((task) => !gone.has(nameOf(task)));
  sections.finally = sections.finally.filter((task) => !gone.has(nameOf(task)));
  sections.results = sections.results.filter((result) => !variablesOf(result).some((name) => gone.has(taskOf(name) ?? '')));
  for (const task of [...sections.tasks, ...sections.finally]) expectPredecessors(part, task, gone);

  for (const item of [...sections.tasks, ...sections.finally, ...sections.results]) rewrite(item, part);
  for (const task of [...sections.tasks, ...sections.finally]) setName(task, part.rename[nameOf(task)]);
  for (const result of sections.results) setName(result, part.results[nameOf(result)]);
  return withoutUnused(sections, part.wire);
}

function readSections(text: string): Sections {
  const spec = parseDocument(text).get('spec');
  const items = (section: Section): YAMLMap[] => (isMap(spec) ? mapsIn(spec, section) : []);
  return { params: items('params'), workspaces: items('workspaces'), results: items('results'), tasks: items('tasks'), finally: items('finally') };
}

/** Params and workspaces that what is left of the part refers to; what is wired is none any more. */
function withoutUnused(sections: Sections, wire: Part['wire']): Sections {
  const users = [...sections.tasks, ...sections.finally, ...sections.results];
  const variables = new Set(users.flatMap(variablesOf));
  const bound = new Set(users.flatMap((user) => mapsIn(user, 'workspaces').map((binding) => String(binding.get('workspace') ?? binding.get('name')))));
  return {
    ...sections,
    params: sections.params.filter((param) => !(nameOf(param) in wire) && variables.has(`params.${nameOf(param)}`)),
    workspaces: sections.workspaces.filter((workspace) => bound.has(nameOf(workspace))),
  };
}

function addPart(whole: Sections, part: Sections, pipeline: string): void {
  for (const section of ['params', 'workspaces'] as const) for (const item of part[section]) merge(whole[section], item, pipeline);
  const names = new Set([...whole.tasks, ...whole.finally].map(nameOf));
  const clash = [...part.tasks, ...part.finally].find((task) => names.has(nameOf(task)));
  if (clash) throw invalid(pipeline, `the task ${nameOf(clash)} is one of another part too; rename it, or leave one of them out`);
  const results = new Set(whole.results.map(nameOf));
  const twice = part.results.find((result) => results.has(nameOf(result)));
  if (twice) throw invalid(pipeline, `the result ${nameOf(twice)} is one of another part too; rename it under results`);
  for (const [at, task] of part.tasks.entries()) {
    if (whole.tasks.length > 0) task.spaceBefore = true;
    if (at === 0) task.commentBefore = [` ${pipeline}`, task.commentBefore].filter((line) => line !== undefined && line !== null).join('\n');
    whole.tasks.push(task);
  }
  whole.finally.push(...part.finally);
  whole.results.push(...part.results);
}

/** One param or workspace for all parts, in the words of the first, required when one part requires it. */
function merge(list: YAMLMap[], item: YAMLMap, pipeline: string): void {
  const first = list.find((other) => nameOf(other) === nameOf(item));
  if (first === undefined) {
    list.push(item);
    return;
  }
  const [mine, theirs] = [first.get('default'), item.get('default')];
  if (mine === undefined || theirs === undefined) first.delete('default');
  else if (mine !== theirs) throw invalid(pipeline, `the param ${nameOf(item)} defaults to "${theirs}" here, and to "${mine}" in another part`);
  if (item.get('optional') !== true) first.delete('optional');
}

function dropParam(part: Part, path: string, tasks: readonly YAMLMap[]): void {
  const [task, param] = path.split('.');
  const list = tasks.find((each) => nameOf(each) === task)?.get('params');
  const before = isSeq(list) ? list.items.length : 0;
  if (isSeq(list)) list.items = list.items.filter((item) => !isMap(item) || item.get('name') !== param);
  if (!isSeq(list) || list.items.length === before) throw invalid(part.pipeline, `without names ${path}, and the task is given no such param`);
}

/** `wire` and `rename`, in every text of an item. */
function rewrite(item: YAMLMap, { wire, rename }: Part): void {
  visit(item, {
    Scalar(_key, scalar) {
      if (typeof scalar.value !== 'string') return;
      scalar.value = scalar.value.replaceAll(/\$\(([^()]+)\)/g, (all, variable: string) => {
        const [root, name = '', ...rest] = variable.split('.');
        if (root === 'params') return wire[name] ?? all;
        return root === 'tasks' && rename[name] !== undefined ? `$(${[root, rename[name], ...rest].join('.')})` : all;
      });
    },
  });
  const after = item.get('runAfter');
  if (isSeq(after)) for (const before of after.items) if (isScalar(before)) before.value = rename[String(before.value)] ?? before.value;
}

function expectKnown({ pipeline }: Part, field: string, names: readonly string[], known: ReadonlySet<string> | undefined): void {
  const unknown = names.filter((name) => !known?.has(name));
  if (unknown.length > 0) throw invalid(pipeline, `${field} names ${unknown.join(', ')}, which the Pipeline does not have`);
}

function expectPredecessors({ pipeline }: Part, task: YAMLMap, gone: ReadonlySet<string>): void {
  const after = task.get('runAfter');
  const needed = [
    ...variablesOf(task).flatMap((name) => taskOf(name) ?? []),
    ...(isSeq(after) ? after.items.map((item) => String((item as Scalar).value)) : []),
  ];
  const missing = needed.find((name) => gone.has(name));
  if (missing) throw invalid(pipeline, `the task ${nameOf(task)} needs ${missing}, which is left out`);
}

function nameOf(item: YAMLMap): string {
  return String(item.get('name'));
}

function setName(item: YAMLMap, name: string | undefined): void {
  if (name !== undefined) item.set('name', name);
}

function mapsIn(node: YAMLMap, key: string): YAMLMap[] {
  const list = node.get(key);
  return isSeq(list) ? list.items.filter((each): each is YAMLMap => isMap(each)) : [];
}

function variablesOf(item: YAMLMap): string[] {
  return [...JSON.stringify(item.toJSON()).matchAll(/\$\(([^()]+)\)/g)].map(([, variable = '']) => variable);
}

/** The task that `tasks.NAME.…` means. */
function taskOf(variable: string): string | undefined {
  return /^tasks\.([^.]+)\./.exec(variable)?.[1];
}

function toText(head: { metadata: unknown; description: unknown }, whole: Sections): string {
  const document = new Document({ apiVersion: 'tekton.dev/v1', kind: 'Pipeline' });
  const spec = document.createNode({}) as YAMLMap;
  spec.set('description', head.description);
  for (const section of SECTIONS) {
    if (whole[section].length === 0) continue;
    const list = document.createNode([]) as YAMLSeq;
    list.items = whole[section];
    spec.set(document.createNode(section), list);
  }
  document.set('metadata', head.metadata);
  document.set(document.createNode('spec'), spec);
  for (const pair of [...spec.items.slice(1), (document.contents as YAMLMap).items.at(-1)] as Pair[]) if (isScalar(pair.key)) pair.key.spaceBefore = true;
  return document.toString({ lineWidth: LINE_WIDTH, flowCollectionPadding: false });
}

function invalid(pipeline: string, problem: string): StepError {
  return inputError('COMPOSE_INVALID', `${pipeline}: ${problem}`, { hint: 'correct compose.yaml, or the Pipeline that it names' });
}
