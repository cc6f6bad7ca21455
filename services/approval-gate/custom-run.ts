// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { GROUP } from './api.ts';

export const CUSTOM_RUN_API = 'tekton.dev/v1beta1';
export const CUSTOM_RUNS = 'customruns';

const Condition = z.looseObject({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionTime: z.string().nullish(),
});

const StatusFields = {
  conditions: z.array(Condition).optional(),
  observedGeneration: z.number().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  startTime: z.string().nullish(),
  completionTime: z.string().nullish(),
  results: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
  extraFields: z.record(z.string(), z.unknown()).optional(),
};

/** What a gate reads of a `tekton.dev/v1beta1` CustomRun (Tekton Pipelines, pkg/apis/pipeline/v1beta1/customrun_types.go). */
export const CustomRun = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string().default(''),
    generation: z.number().default(1),
    creationTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z
    .looseObject({
      customRef: z.looseObject({ apiVersion: z.string().optional(), kind: z.string().optional(), name: z.string().optional() }).optional(),
      customSpec: z.looseObject({ apiVersion: z.string().optional(), kind: z.string().optional(), spec: z.unknown().optional() }).optional(),
      params: z.array(z.looseObject({ name: z.string(), value: z.unknown() })).optional(),
      workspaces: z.array(z.looseObject({ name: z.string() })).optional(),
      status: z.string().optional(),
      statusMessage: z.string().optional(),
      retries: z.number().optional(),
      timeout: z.string().optional(),
    })
    .default({}),
  status: z.looseObject({ ...StatusFields, retriesStatus: z.array(z.looseObject(StatusFields)).optional() }).optional(),
});

export type CustomRun = z.infer<typeof CustomRun>;
export type CustomRunStatus = NonNullable<CustomRun['status']>;
export type Condition = z.infer<typeof Condition>;

/** Whether the CustomRun asks for something of our API group. A kind or version of it that we do not know is ours to refuse: nobody else would. */
export function isOurs({ spec }: CustomRun): boolean {
  return (spec.customRef ?? spec.customSpec)?.apiVersion?.split('/')[0] === GROUP;
}

/** The condition that Tekton reads, or undefined before the first status. */
export function succeededCondition(run: CustomRun): Condition | undefined {
  return run.status?.conditions?.find(({ type }) => type === 'Succeeded');
}

/** Whether the run has its final status. */
export function isDone(run: CustomRun): boolean {
  const status = succeededCondition(run)?.status;
  return status === 'True' || status === 'False';
}

/** Whether somebody asked for the end of the run (TEP-0114). */
export function isCancelled({ spec }: CustomRun): boolean {
  return spec.status === 'RunCancelled';
}

/** Milliseconds since the epoch as Kubernetes writes times: RFC 3339 in whole seconds, UTC. */
export function toTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
