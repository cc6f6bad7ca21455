// SPDX-License-Identifier: Apache-2.0
import { mkdir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import type { PipelineTask } from './manifest.ts';
import type { Pipeline, Task } from './pipeline.ts';
import { requiredWorkspaces } from './scope.ts';
import { type Scope, substituteText } from './substitute.ts';

/** A folder of this machine, or an empty folder that each task gets for itself (as an emptyDir binding gives it in a cluster). */
export type WorkspaceBinding = string | { emptyDir: true };
export type WorkspaceBindings = Readonly<Record<string, WorkspaceBinding>>;

/** What is wrong with the workspaces that a run was given: undeclared, missing, or no folder. */
export async function workspaceProblems({ name: pipeline, spec }: Pipeline, bindings: WorkspaceBindings): Promise<string[]> {
  const declared = new Set((spec.workspaces ?? []).map(({ name }) => name));
  const problems = Object.keys(bindings).flatMap((name) => (declared.has(name) ? [] : [`Pipeline ${pipeline} has no workspace "${name}"`]));
  for (const name of requiredWorkspaces(spec)) {
    if (!Object.hasOwn(bindings, name)) problems.push(`Pipeline ${pipeline} needs workspace "${name}"`);
  }
  for (const [name, binding] of Object.entries(bindings)) {
    if (typeof binding === 'string' && !(await isFolder(binding))) problems.push(`workspace "${name}": ${binding} is not a folder`);
  }
  return problems;
}

/** What is wrong with how a pipeline task hands workspaces to its Task, given the names that the run binds. Without a Task it is a custom task, which says itself what it takes. */
export function bindingProblems(use: PipelineTask, task: Task | undefined, pipeline: Pipeline, bound: ReadonlySet<string>): string[] {
  const where = `Pipeline ${pipeline.name}, task ${use.name}`;
  const outer = new Map((pipeline.spec.workspaces ?? []).map(({ name, optional }) => [name, optional === true]));
  const inner = task && new Set((task.spec.workspaces ?? []).map(({ name }) => name));
  const given = use.workspaces ?? [];
  const problems = given.flatMap(({ name, workspace = name }) => [
    ...(inner === undefined || inner.has(name) ? [] : [`${where}: Task ${task?.name} has no workspace "${name}"`]),
    ...(outer.has(workspace) ? [] : [`${where}: the Pipeline has no workspace "${workspace}"`]),
  ]);
  for (const { name, optional } of task?.spec.workspaces ?? []) {
    if (optional) continue;
    const binding = given.find((item) => item.name === name);
    const source = binding?.workspace ?? name;
    if (binding === undefined) problems.push(`${where}: Task ${task?.name} needs workspace "${name}"`);
    else if (outer.get(source) === true && !bound.has(source))
      problems.push(`${where}: Task ${task?.name} needs workspace "${name}", but workspace "${source}" was not given`);
  }
  return problems;
}

/**
 * The host folders of a task's workspaces; one whose Pipeline workspace was not given is left out. A subPath is made when missing and refused
 * (input) when it leads out of its workspace, also by a link.
 */
export async function bindWorkspaces(use: PipelineTask, scope: Scope, bindings: WorkspaceBindings, folder: string): Promise<Map<string, string>> {
  const folders = new Map<string, string>();
  for (const { name, workspace = name, subPath = '' } of use.workspaces ?? []) {
    const binding = Object.hasOwn(bindings, workspace) ? bindings[workspace] : undefined;
    if (binding === undefined) continue;
    const root = typeof binding === 'string' ? resolve(binding) : join(folder, `workspace-${name}`);
    await mkdir(root, { recursive: true });
    folders.set(name, subPath === '' ? root : await within(root, substituteText(subPath, scope), name));
  }
  return folders;
}

async function within(root: string, subPath: string, workspace: string): Promise<string> {
  const target = resolve(root, subPath);
  const outside = inputError('RUNNER_INPUT', `workspace "${workspace}": subPath ${JSON.stringify(subPath)} leads out of the workspace`);
  if (!isInside(root, target)) throw outside;
  // The deepest folder that exists is looked at before anything is made, or a link in the workspace would have it made elsewhere.
  let existing = target;
  while (!(await isFolder(existing))) existing = join(existing, '..');
  if (!isInside(await realpath(root), await realpath(existing))) throw outside;
  await mkdir(target, { recursive: true });
  return target;
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root + sep);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
