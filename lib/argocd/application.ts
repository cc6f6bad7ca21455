// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** The parts of Argo CD's Application (argoproj.io/v1alpha1, `types.go`) that this suite reads. Absent and null are the same there. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const number = z
  .number()
  .nullish()
  .transform((value) => value ?? 0);

function listOf<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .nullish()
    .transform((value) => value ?? []);
}

const Operation = z.object({
  sync: z
    .object({
      revision: text,
      revisions: texts,
      prune: flag,
      dryRun: flag,
      resources: listOf(z.unknown()),
    })
    .nullish(),
  initiatedBy: z.object({ username: text, automated: flag }).nullish(),
  info: listOf(z.object({ name: text, value: text })),
  retry: z.object({ limit: number }).nullish(),
});

const ResourceResult = z.object({
  group: text,
  kind: text,
  namespace: text,
  name: text,
  status: text,
  message: text,
  hookType: text,
  hookPhase: text,
  images: texts,
});

const OperationState = z.object({
  operation: Operation,
  phase: text,
  message: text,
  startedAt: text,
  finishedAt: text,
  retryCount: number,
  syncResult: z.object({ revision: text, revisions: texts, resources: listOf(ResourceResult) }).nullish(),
});

const Health = z.object({ status: text, message: text, lastTransitionTime: text });

const ResourceStatus = z.object({
  group: text,
  kind: text,
  namespace: text,
  name: text,
  status: text,
  health: Health.nullish(),
  requiresPruning: flag,
});

const Status = z.object({
  sync: z.object({ status: text, revision: text, revisions: texts }).nullish(),
  health: Health.nullish(),
  operationState: OperationState.nullish(),
  resources: listOf(ResourceStatus),
  conditions: listOf(z.object({ type: text, message: text })),
  summary: z.object({ images: texts }).nullish(),
});

const Source = z.object({ repoURL: text, targetRevision: text });

export const ApplicationShape = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: text,
    uid: text,
    resourceVersion: text,
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z.object({
    project: text,
    source: Source.nullish(),
    sources: listOf(Source),
    syncPolicy: z
      .object({
        automated: z.object({ enabled: z.boolean().nullish(), prune: flag, selfHeal: flag }).nullish(),
        syncOptions: texts,
      })
      .nullish(),
  }),
  operation: Operation.nullish(),
  status: Status.nullish(),
});

export type Application = z.infer<typeof ApplicationShape>;
export type Operation = z.infer<typeof Operation>;
export type OperationState = z.infer<typeof OperationState>;
export type ResourceResult = z.infer<typeof ResourceResult>;
export type ResourceStatus = z.infer<typeof ResourceStatus>;

/** The key under `infos` of an operation by which this suite knows its own. */
export const OPERATION_INFO = 'tekton-supply-chain';

/** Whether Argo CD syncs the application by itself; `automated.enabled: false` pauses that. */
export function isAutomated({ spec }: Application): boolean {
  const automated = spec.syncPolicy?.automated;
  return automated !== undefined && automated !== null && automated.enabled !== false;
}

/** The sources in order; a multi-source application ignores `source`. */
export function sourcesOf({ spec }: Application): { repoURL: string; targetRevision: string }[] {
  if (spec.sources.length > 0) return spec.sources;
  return spec.source ? [spec.source] : [];
}

/** One revision a source, from the pair of fields that Argo CD uses for one and for several sources. */
export function revisionList(from: { revision: string; revisions: string[] } | null | undefined): string[] {
  if (!from) return [];
  return from.revisions.length > 0 ? from.revisions : from.revision === '' ? [] : [from.revision];
}

/** The identifier that a step of this suite gave the operation, '' for anybody else's. */
export function operationId(operation: Operation | null | undefined): string {
  return operation?.info.find(({ name }) => name === OPERATION_INFO)?.value ?? '';
}

/** `group/Kind namespace/name`, as in `apps/Deployment shop/web`. */
export function describeResource({ group, kind, namespace, name }: Pick<ResourceStatus, 'group' | 'kind' | 'namespace' | 'name'>): string {
  return `${group === '' ? '' : `${group}/`}${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}
