// SPDX-License-Identifier: Apache-2.0
import { parse, parseAllDocuments } from 'yaml';
import * as z from 'zod';

/** The parts of Tekton manifests that the rules look at; everything is optional, because a rule has to be able to say what is missing. */
const Named = z.looseObject({ name: z.string(), description: z.string().optional() });
const Param = z.looseObject({ name: z.string(), description: z.string().optional(), default: z.unknown().optional() });
const Workspace = z.looseObject({ name: z.string(), description: z.string().optional(), optional: z.boolean().optional() });
const Step = z.looseObject({
  name: z.string().optional(),
  image: z.string().optional(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  script: z.string().optional(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional(), valueFrom: z.unknown().optional() })).optional(),
  envFrom: z.array(z.unknown()).optional(),
  securityContext: z.record(z.string(), z.unknown()).optional(),
  computeResources: z.looseObject({ requests: z.record(z.string(), z.unknown()).optional(), limits: z.record(z.string(), z.unknown()).optional() }).optional(),
});
const PipelineTask = z.looseObject({
  name: z.string(),
  taskRef: z
    .looseObject({
      apiVersion: z.string().optional(),
      kind: z.string().optional(),
      name: z.string().optional(),
      params: z.array(z.looseObject({ name: z.string(), value: z.string() })).optional(),
    })
    .optional(),
  params: z.array(z.looseObject({ name: z.string(), value: z.unknown() })).optional(),
  workspaces: z.array(z.looseObject({ name: z.string(), workspace: z.string().optional() })).optional(),
  runAfter: z.array(z.string()).optional(),
  retries: z.number().optional(),
});
const Resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.looseObject({
    ...Step.shape,
    description: z.string().optional(),
    params: z.array(Param).optional(),
    workspaces: z.array(Workspace).optional(),
    results: z.array(Named).optional(),
    steps: z.array(Step).optional(),
    tasks: z.array(PipelineTask).optional(),
    finally: z.array(PipelineTask).optional(),
  }),
});

export type Resource = z.infer<typeof Resource>;
export type Step = z.infer<typeof Step>;
export type PipelineTask = z.infer<typeof PipelineTask>;

/** A manifest of the catalog: `path` below the catalog with `/`, its text, and what it says. */
export type Manifest = { path: string; text: string; resource: Resource };

/** What a Task asks of who uses it. */
export type Contract = {
  params: ReadonlyMap<string, { required: boolean }>;
  workspaces: ReadonlyMap<string, { required: boolean }>;
  results: ReadonlySet<string>;
};

/**
 * A place in a Pipeline for a Task of the user's choice, by the name of the param that names it. Either a Task of the catalog holds the place and shows
 * what fits, or well-known Tasks from elsewhere do, and what the Pipeline asks of them stands here.
 */
export type Slot = {
  /** Results of a Pipeline that Tekton Chains reads as "built here", and the result of the slot's Task that each has to pass on. */
  claims?: Readonly<Record<string, string>>;
} & ({ placeholder: string } | { fits: readonly string[]; contract: Contract });

/** The objects of one folder below `install/`, such as `install/deliver-triggers`, by `Kind/name`. */
export type Installed = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** What the rules know beside the manifest in hand. */
export type Context = {
  version: string;
  /** Whether images have to be pinned, as `supply-chain catalog render` leaves them. */
  rendered: boolean;
  /** Contracts of the Tasks of the catalog by name. */
  tasks: ReadonlyMap<string, Contract>;
  /** Pipelines of the catalog by name. */
  pipelines: ReadonlyMap<string, Resource>;
  /** Slots by the name of their param. */
  slots: Readonly<Record<string, Slot>>;
  installed: ReadonlyMap<string, Installed>;
  /** Samples by the folder that they belong to, such as `task/cosign-sign`. */
  samples: ReadonlyMap<string, readonly Manifest[]>;
};

export type Read = Manifest | { path: string; problem: string };

/** Reads a manifest; gives what is wrong with it when it has no shape that the rules could judge. */
export function readManifest(path: string, text: string): Read {
  try {
    return toManifest(path, text, parse(text));
  } catch (error) {
    return { path, problem: `is no YAML: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}` };
  }
}

function toManifest(path: string, text: string, value: unknown): Read {
  const resource = Resource.safeParse(value);
  if (resource.success) return { path, text, resource: resource.data };
  return { path, problem: resource.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ') };
}

/** The objects of a file that is applied as it is, one or more. */
export function readObjects(path: string, text: string): { objects: Record<string, unknown>[] } | { path: string; problem: string } {
  const documents = parseAllDocuments(text, { logLevel: 'silent' });
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error) return { path, problem: `is no YAML: ${error.message.split('\n')[0]}` };
  return { objects: documents.map((document) => document.toJS()).filter((value) => value !== null && typeof value === 'object') };
}

/** Those of the objects that start a Pipeline on an event; all else that is installed is plain Kubernetes, judged by an API server in test/gate. */
export function triggersAmong(path: string, text: string, objects: readonly Record<string, unknown>[]): Read[] {
  return objects.filter(({ apiVersion }) => String(apiVersion).startsWith('triggers.tekton.dev/')).map((value) => toManifest(path, text, value));
}

/** `Kind/name` of an object. */
export function keyOf(object: Readonly<Record<string, unknown>>): string {
  const { name } = (object['metadata'] ?? {}) as { name?: unknown };
  return `${object['kind']}/${name}`;
}

export function contractOf({ spec }: Resource): Contract {
  return {
    params: new Map((spec.params ?? []).map((param) => [param.name, { required: param.default === undefined }])),
    workspaces: new Map((spec.workspaces ?? []).map(({ name, optional }) => [name, { required: !optional }])),
    results: new Set((spec.results ?? []).map(({ name }) => name)),
  };
}

/** The steps of a Task; a StepAction is one itself. */
export function stepsOf({ kind, metadata, spec }: Resource): Step[] {
  if (kind === 'StepAction') return [{ ...spec, name: metadata.name }];
  return spec.steps ?? [];
}

/** The folder of a catalog manifest, such as `task/cosign-sign`. */
export function folderOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

/** Every `$(…)` variable in any text of a value, without the brackets. */
export function variablesIn(value: unknown): string[] {
  if (typeof value === 'string') return [...value.matchAll(/\$\(([^()]+)\)/g)].map(([, name = '']) => name);
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(variablesIn);
}
