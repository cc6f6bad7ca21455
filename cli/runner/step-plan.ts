// SPDX-License-Identifier: Apache-2.0
import { inputError, StepError } from '../../lib/errors/errors.ts';
import type { StepSpec } from './manifest.ts';
import type { Task } from './pipeline.ts';
import { mountedLiteral, type TaskPlaces } from './scope.ts';
import { type Scope, substituteList, substituteText } from './substitute.ts';

/** A step with every variable filled in, as a container would get it. */
export type PlannedStep = {
  name: string;
  image: string;
  command: string[];
  args: string[];
  env: Record<string, string>;
  workingDir: string | undefined;
};

/** What stands in for a step's container: `command` replaces the step's own command, the step's args follow it. */
export type Container = { command: readonly string[]; cwd?: string; env?: Readonly<Record<string, string>> };
export type ResolveContainer = (step: PlannedStep, context: { task: string; pipelineTask: string }) => Container | Promise<Container>;

/** Folders inside a TaskRun's own folder; the keys are what each stands for in a container. */
export const TASK_FOLDERS = { '/tekton/results': 'results', '/tekton/home': 'home', '/tmp': 'tmp' } as const;

/** Where the container paths of a Task lie under `folder`: Tekton's own, emptyDir volumes, and bound workspaces (unbound ones have no path). */
export function placesOf(task: Task, folder: string, workspaces: ReadonlyMap<string, string>): TaskPlaces {
  const mounts = new Map<string, string>(Object.entries(TASK_FOLDERS).map(([path, name]) => [path, `${folder}/${name}`]));
  for (const { name, mountPath } of task.spec.workspaces ?? []) {
    const bound = workspaces.get(name);
    if (bound !== undefined) mounts.set(withoutSlash(mountPath ?? `/workspace/${name}`), bound);
  }
  for (const holder of [task.spec.stepTemplate, ...task.spec.steps]) {
    for (const { name, mountPath } of holder?.volumeMounts ?? []) mounts.set(withoutSlash(mountPath), `${folder}/volume-${name}`);
  }
  return { results: `${folder}/${TASK_FOLDERS['/tekton/results']}`, workspaces, mounts };
}

/** The steps of a Task in order, ready to run; an input error names the step whose text holds an unknown variable. */
export function planSteps(task: Task, scope: Scope, places: TaskPlaces): PlannedStep[] {
  return task.spec.steps.map((step, position) => {
    const name = step.name ?? `unnamed-${position}`;
    try {
      return planStep(task, step, name, scope, places);
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      throw inputError(error.code, `Task ${task.name}, step ${name}: ${error.message}`, { hint: error.hint, cause: error });
    }
  });
}

function planStep(task: Task, step: StepSpec, name: string, scope: Scope, { mounts }: TaskPlaces): PlannedStep {
  const template = task.spec.stepTemplate;
  const fill = (text: string) => substituteText(mountedLiteral(text, mounts), scope);
  const declared = [...(template?.env ?? []), ...(step.env ?? [])].map(({ name: key, value = '' }) => [key, fill(homeless(key, value, mounts))] as const);
  const workingDir = step.workingDir ?? template?.workingDir;
  const list = (texts: readonly string[] = []) =>
    substituteList(
      texts.map((text) => mountedLiteral(text, mounts)),
      scope,
    );
  return {
    name,
    image: substituteText(step.image, scope),
    command: list(step.command),
    args: list(step.args),
    env: { HOME: mounts.get('/tekton/home') ?? '', TMPDIR: mounts.get('/tmp') ?? '', ...Object.fromEntries(declared) },
    workingDir: workingDir === undefined ? undefined : fill(workingDir),
  };
}

/** HOME and TMPDIR may name a folder of the image, which is not there on a laptop: such a value becomes the TaskRun's own folder. */
function homeless(key: string, value: string, mounts: ReadonlyMap<string, string>): string {
  const own = key === 'HOME' ? '/tekton/home' : key === 'TMPDIR' ? '/tmp' : undefined;
  return own !== undefined && value.startsWith('/') && mountedLiteral(value, mounts) === value ? own : value;
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
