// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/**
 * The part of tekton.dev/v1 that the laptop runner runs, as strict shapes: a field that is not named here is refused, never dropped.
 * A field typed `Ignored` is valid Tekton that has no meaning without a kubelet (resources, security contexts, texts for people).
 */
const Ignored = z.unknown().optional();

const NAME_RULE = 'must be lower-case letters, digits and "-", at most 63 characters';
const ObjectName = z
  .string()
  .max(63, { error: NAME_RULE })
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, { error: NAME_RULE });
/** Resource names as Kubernetes takes them: a Pipeline or Task name may hold dots. */
const ResourceName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, { error: 'must be a Kubernetes object name' });
const VariableName = z
  .string()
  .max(253)
  .regex(/^[A-Za-z_][-A-Za-z0-9_.]*$/, { error: 'must start with a letter and hold letters, digits, "-", "_" and "."' });
/** Becomes a file name in the results folder, so it can never start with a dot or hold a slash. */
const ResultName = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, { error: 'must hold letters, digits, "-", "_" and "." only' });
const AbsolutePath = z.string().regex(/^\/[^"'\s]*$/, { error: 'must be an absolute path without spaces or quotes' });
const Text = z.string({ error: 'must be a string (quote numbers and booleans)' });

const StringMap = z.record(z.string(), Text);
const ParamValue = z.union([z.string(), z.array(Text), StringMap], {
  error: 'must be a string, a list of strings or a map of strings (quote numbers and booleans)',
});
const ValueType = z.enum(['string', 'array', 'object']);
const Properties = z.record(z.string(), z.strictObject({ type: z.literal('string').optional() }));

const ParamSpec = z
  .strictObject({
    name: VariableName,
    type: ValueType.optional(),
    description: Ignored,
    default: ParamValue.optional(),
    properties: Properties.optional(),
  })
  .transform(({ name, type, default: fallback, properties }) => ({
    name,
    type: type ?? typeOf(fallback, properties),
    default: fallback,
    properties: properties && Object.keys(properties),
  }));

const ResultSpec = z
  .strictObject({ name: ResultName, type: ValueType.optional(), description: Ignored, properties: Properties.optional() })
  .transform(({ name, type, properties }) => ({
    name,
    type: type ?? typeOf(undefined, properties),
    properties: properties && Object.keys(properties),
  }));

const Env = z.array(z.strictObject({ name: z.string().regex(/^[^=\0]+$/), value: Text.optional() }));
const VolumeMounts = z.array(z.strictObject({ name: ObjectName, mountPath: AbsolutePath, readOnly: Ignored }));

const Step = z.strictObject({
  name: ObjectName.optional(),
  displayName: Ignored,
  image: Text,
  command: z.array(Text).optional(),
  args: z.array(Text).optional(),
  env: Env.optional(),
  workingDir: Text.optional(),
  volumeMounts: VolumeMounts.optional(),
  imagePullPolicy: Ignored,
  computeResources: Ignored,
  resources: Ignored,
  securityContext: Ignored,
});

const StepTemplate = z.strictObject({
  env: Env.optional(),
  workingDir: Text.optional(),
  volumeMounts: VolumeMounts.optional(),
  imagePullPolicy: Ignored,
  computeResources: Ignored,
  resources: Ignored,
  securityContext: Ignored,
});

const taskSpecFields = {
  displayName: Ignored,
  description: Ignored,
  params: z.array(ParamSpec).optional(),
  results: z.array(ResultSpec).optional(),
  workspaces: z
    .array(
      z.strictObject({
        name: ResultName,
        description: Ignored,
        mountPath: AbsolutePath.optional(),
        readOnly: Ignored,
        optional: z.boolean().optional(),
      }),
    )
    .optional(),
  volumes: z.array(z.strictObject({ name: ObjectName, emptyDir: z.looseObject({}) })).optional(),
  stepTemplate: StepTemplate.optional(),
  steps: z.array(Step).min(1),
};

const Metadata = z.looseObject({ name: ResourceName });

export const TaskManifest = z.strictObject({
  apiVersion: z.literal('tekton.dev/v1'),
  kind: z.literal('Task'),
  metadata: Metadata,
  spec: z.strictObject(taskSpecFields),
});

/** One of two shapes, told apart as Tekton does: a custom task is what has an apiVersion of its own. Problems name the fields of the shape that was meant. */
function byApiVersion<C, T>(custom: z.ZodType<C>, task: z.ZodType<T>) {
  return z.unknown().transform((value, context): C | T => {
    const isCustom = typeof value === 'object' && value !== null && 'apiVersion' in value && !String(value.apiVersion).startsWith('tekton.dev/');
    const parsed = (isCustom ? custom : task).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

const ApiVersion = z.string().regex(/^[a-z0-9.-]{1,253}\/[a-z0-9]{1,63}$/, { error: 'must be a group and a version' });
const CustomKind = z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,62}$/, { error: 'must name a custom task' });
const CustomRef = z.strictObject({ apiVersion: ApiVersion, kind: CustomKind, name: ResourceName.optional() });
const CustomSpec = z.strictObject({ apiVersion: ApiVersion, kind: CustomKind, metadata: Ignored, spec: z.unknown().optional() });

/** The Task by name, or a slot: the cluster resolver with a name that the run's params may choose. On a laptop the cluster is the catalog and the folder of Tasks that the caller brings. */
const TaskRef = z
  .strictObject({
    name: ResourceName.optional(),
    kind: z.literal('Task').optional(),
    resolver: z.literal('cluster').optional(),
    params: z.array(z.strictObject({ name: z.enum(['kind', 'name', 'namespace']), value: Text })).optional(),
  })
  .refine((ref) => (ref.name === undefined) !== (ref.resolver === undefined), { error: 'needs exactly one of name and resolver' });

const PipelineTask = z
  .strictObject({
    name: ObjectName,
    displayName: Ignored,
    description: Ignored,
    taskRef: byApiVersion(CustomRef, TaskRef).optional(),
    taskSpec: byApiVersion(CustomSpec, z.strictObject({ metadata: Ignored, ...taskSpecFields })).optional(),
    params: z.array(z.strictObject({ name: VariableName, value: ParamValue })).optional(),
    workspaces: z.array(z.strictObject({ name: ResultName, workspace: Text.optional(), subPath: Text.optional() })).optional(),
    when: z.array(z.strictObject({ input: Text, operator: z.enum(['in', 'notin']), values: z.array(Text) })).optional(),
    runAfter: z.array(ObjectName).optional(),
    retries: z.int().min(0).max(100).optional(),
    timeout: z
      .string()
      .regex(/^(?:0|(?:\d+(?:\.\d+)?(?:h|m|s|ms))+)$/, 'must be a duration such as 10m')
      .optional(),
    onError: z.enum(['continue', 'stopAndFail']).optional(),
  })
  .refine((task) => task.onError !== 'continue' || !task.retries, { error: 'cannot have both onError: continue and retries, as in Tekton' })
  .refine((task) => (task.taskRef === undefined) !== (task.taskSpec === undefined), { error: 'needs exactly one of taskRef and taskSpec' });

export const PipelineManifest = z.strictObject({
  apiVersion: z.literal('tekton.dev/v1'),
  kind: z.literal('Pipeline'),
  metadata: Metadata,
  spec: z.strictObject({
    displayName: Ignored,
    description: Ignored,
    params: z.array(ParamSpec).optional(),
    workspaces: z.array(z.strictObject({ name: ResultName, description: Ignored, optional: z.boolean().optional() })).optional(),
    tasks: z.array(PipelineTask).min(1),
    finally: z.array(PipelineTask).optional(),
    results: z.array(z.strictObject({ name: ResultName, type: ValueType.optional(), description: Ignored, value: ParamValue })).optional(),
  }),
});

export type ValueType = z.infer<typeof ValueType>;
export type ParamSpec = z.infer<typeof ParamSpec>;
export type ResultSpec = z.infer<typeof ResultSpec>;
export type StepSpec = z.infer<typeof Step>;
export type TaskSpec = z.infer<typeof TaskManifest>['spec'];
export type PipelineTask = z.infer<typeof PipelineTask>;
export type PipelineSpec = z.infer<typeof PipelineManifest>['spec'];
export type WhenExpression = NonNullable<PipelineTask['when']>[number];

/** The default type rule of Tekton's webhook: the shape of the default value, `object` with properties, else `string`. */
function typeOf(fallback: z.infer<typeof ParamValue> | undefined, properties: object | undefined): ValueType {
  if (Array.isArray(fallback)) return 'array';
  if (typeof fallback === 'object' || properties !== undefined) return 'object';
  return 'string';
}
