// SPDX-License-Identifier: Apache-2.0
import type { ErrorKind } from '../errors/errors.ts';
import { HOUSE_PARAMS, HOUSE_RESULTS, HOUSE_WORKSPACES, imageParam } from './house.ts';
import type { ParamSpec, ResultSpec, WorkspaceSpec } from './param.ts';

/** A documented way to fail: the exit code follows from `kind`, `hint` is printed when the error brings none of its own. */
export type FailureSpec = { kind: ErrorKind; hint: string };

type TaskDeclaration = {
  /** Name of step, bundle, image, Task and folder. */
  name: string;
  title: string;
  description: string;
  /** Of Tekton's fixed list of catalog categories. */
  categories: readonly string[];
  tags: readonly string[];
  /** Whether `image`, the artifact by digest, has to be given. */
  image: 'required' | 'optional';
  // biome-ignore lint/suspicious/noExplicitAny: any value type
  params: Record<string, ParamSpec<any>>;
  workspaces: Record<string, WorkspaceSpec>;
  results: Record<string, ResultSpec>;
  failures: Record<string, FailureSpec>;
  /** What the step talks to, for network policies and the README. */
  network: readonly string[];
  resources: { requests: { cpu: string; memory: string }; limits: { memory: string } };
};

type HouseParams<D extends TaskDeclaration> = {
  image: D['image'] extends 'required' ? ReturnType<typeof imageParam.required> : ReturnType<typeof imageParam.optional>;
} & D['params'] &
  typeof HOUSE_PARAMS;

export type TaskSpec<D extends TaskDeclaration = TaskDeclaration> = Omit<D, 'params' | 'workspaces' | 'results'> & {
  params: HouseParams<D>;
  workspaces: D['workspaces'] & typeof HOUSE_WORKSPACES;
  results: D['results'] & typeof HOUSE_RESULTS;
};

// biome-ignore lint/suspicious/noExplicitAny: any task
export type AnyTaskSpec = TaskSpec<any>;

/** Declares a step: its own contract with the house's params, workspaces and results around it. Pure data; the Task, StepAction, README, schema, help text and types come from it. */
export function defineTask<const D extends TaskDeclaration>(declaration: D): TaskSpec<D> {
  const image = declaration.image === 'required' ? imageParam.required() : imageParam.optional();
  return {
    ...declaration,
    params: { image, ...declaration.params, ...HOUSE_PARAMS },
    workspaces: { ...declaration.workspaces, ...HOUSE_WORKSPACES },
    results: { ...HOUSE_RESULTS, ...declaration.results },
  } as TaskSpec<D>;
}

type ParamValue<P> = P extends ParamSpec<infer Value> ? Value : never;

/** What `run` gets: parsed params, and the folder of each bound workspace. */
export type Inputs<S extends AnyTaskSpec> = {
  params: { readonly [Name in keyof S['params']]: ParamValue<S['params'][Name]> };
  workspaces: { readonly [Name in keyof S['workspaces']]: string | undefined };
};

/** What `run` gives: a value for each declared result but `outcome`, which the frame writes. */
export type Results<S extends AnyTaskSpec> = { [Name in Exclude<keyof S['results'], 'outcome'>]: string };

/** The env variable that carries the path of a result's file. */
export function resultVariable(name: string): string {
  return `RESULT_${name.replaceAll('-', '_').toUpperCase()}`;
}

/** The env variable that carries the folder of a workspace, empty when it is not bound. */
export function workspaceVariable(name: string): string {
  return `WORKSPACE_${name.replaceAll('-', '_').toUpperCase()}`;
}
