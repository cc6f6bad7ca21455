// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { LOOP_GUARD } from '../../tasks/gitops-commit/params.ts';
import { type Context, folderOf, type Installed, type Manifest, type Resource, variablesIn } from './manifest.ts';
import { runProblems } from './pipeline-rules.ts';
import type { Rule } from './rule.ts';

/** The parts of Tekton Triggers v1beta1 that the rules look at. */
const Value = z.looseObject({ name: z.string(), value: z.unknown() });
const Interceptor = z.looseObject({ ref: z.looseObject({ name: z.string() }), params: z.array(Value).default([]) });
const Listener = z.looseObject({
  serviceAccountName: z.string().optional(),
  triggers: z.array(
    z.looseObject({
      interceptors: z.array(Interceptor).default([]),
      bindings: z.array(z.looseObject({ ref: z.string() })).default([]),
      template: z.looseObject({ ref: z.string() }),
    }),
  ),
});
const Template = z.looseObject({
  params: z.array(z.looseObject({ name: z.string(), default: z.string().optional() })).default([]),
  resourcetemplates: z.array(z.looseObject({ kind: z.string(), spec: z.looseObject({}) })).min(1),
});
const Binding = z.looseObject({ params: z.array(Value).default([]) });
const Run = z.looseObject({
  timeouts: z.looseObject({ pipeline: z.string(), tasks: z.string() }).optional(),
  taskRunTemplate: z.looseObject({ serviceAccountName: z.string().optional() }).optional(),
});

type Trigger = z.infer<typeof Listener>['triggers'][number];

export const TRIGGER_RULES: readonly Rule[] = [
  {
    id: 'trigger-run-fits',
    why: 'a template with a wrong name is found when somebody has pushed, and the forge is told that all went well',
    source: 'design; Tekton docs/triggertemplates.md',
    kinds: ['TriggerTemplate'],
    check: ({ path, resource }, context) => judged(Template, resource, (spec) => templateProblems(spec, context, neighbours(path, context))),
  },
  {
    id: 'trigger-references',
    why: 'a listener answers 202 whatever is missing, and the event is lost',
    source: 'design; Tekton docs/eventlisteners.md',
    kinds: ['EventListener', 'TriggerBinding'],
    check: ({ path, resource }, context) => {
      const around = neighbours(path, context);
      return resource.kind === 'TriggerBinding' ? unusedProblems(resource, around) : judged(Listener, resource, (spec) => referenceProblems(spec, around));
    },
  },
  {
    id: 'trigger-guarded',
    why: 'whoever reaches an unguarded listener starts releases, and so does the commit that a release makes',
    source: 'design; Tekton docs/interceptors.md',
    kinds: ['EventListener'],
    check: ({ resource }) => judged(Listener, resource, ({ triggers }) => triggers.flatMap(guardProblems)),
  },
];

function neighbours(path: Manifest['path'], { installed }: Context): Installed {
  return installed.get(folderOf(path)) ?? new Map();
}

/** The spec in the shape of `schema`, judged; or what keeps it from having that shape. */
function judged<T>(schema: z.ZodType<T>, { spec }: Resource, judge: (spec: T) => string[]): string[] {
  const parsed = schema.safeParse(spec);
  return parsed.success ? judge(parsed.data) : parsed.error.issues.map((issue) => `spec.${issue.path.join('.')}: ${issue.message}`);
}

function templateProblems({ params, resourcetemplates }: z.infer<typeof Template>, { pipelines }: Context, around: Installed): string[] {
  const declared = new Set(params.map(({ name }) => `tt.params.${name}`));
  const used = new Set(variablesIn(resourcetemplates).filter((name) => name.startsWith('tt.')));
  return [
    ...[...used].filter((name) => !declared.has(name)).map((name) => `$(${name}) is no param of the template`),
    ...[...declared].filter((name) => !used.has(name)).map((name) => `$(${name}) is declared and not used`),
    ...resourcetemplates.flatMap(({ kind, spec }) =>
      kind === 'PipelineRun' ? pipelineRunProblems(spec, pipelines, around) : [`makes a ${kind}, not a PipelineRun`],
    ),
  ];
}

function pipelineRunProblems(spec: Readonly<Record<string, unknown>>, pipelines: Context['pipelines'], around: Installed): string[] {
  const { name = '' } = (spec['pipelineRef'] ?? {}) as { name?: string };
  const pipeline = pipelines.get(name);
  if (!pipeline) return [`runs ${name || 'nothing'}, which is no Pipeline of the catalog`];
  const { timeouts, taskRunTemplate } = Run.parse(spec);
  const account = taskRunTemplate?.serviceAccountName ?? 'default';
  const waits = (pipeline.spec.tasks ?? []).some(({ taskRef }) => taskRef?.apiVersion !== undefined);
  return [
    ...runProblems(spec, pipeline),
    ...(around.has(`ServiceAccount/${account}`) ? [] : [`runs as ${account}, a ServiceAccount that no file here makes`]),
    ...(waits && timeouts === undefined ? [`${name} waits for people, and without timeouts Tekton ends it after an hour`] : []),
  ];
}

function referenceProblems({ serviceAccountName = 'default', triggers }: z.infer<typeof Listener>, around: Installed): string[] {
  const missing = (kind: string, name: string): string[] => (around.has(`${kind}/${name}`) ? [] : [`there is no ${kind} ${name} in this folder`]);
  return [
    ...missing('ServiceAccount', serviceAccountName),
    ...triggers.flatMap((trigger) => [
      ...missing('TriggerTemplate', trigger.template.ref),
      ...trigger.bindings.flatMap(({ ref }) => missing('TriggerBinding', ref)),
      ...valueProblems(trigger, around),
    ]),
  ];
}

/** What the bindings of a trigger give, compared with what its template takes and its interceptors add. */
function valueProblems({ template, bindings, interceptors }: Trigger, around: Installed): string[] {
  const wanted = Template.safeParse(around.get(`TriggerTemplate/${template.ref}`)?.['spec']).data?.params ?? [];
  const given = bindings.flatMap(({ ref }) => Binding.safeParse(around.get(`TriggerBinding/${ref}`)?.['spec']).data?.params ?? []);
  const overlays = interceptors.flatMap(({ params }) => params.filter(({ name }) => name === 'overlays').flatMap(({ value }) => value as { key: string }[]));
  const extensions = new Set(overlays.map(({ key }) => `extensions.${key}`));
  const names = new Set(given.map(({ name }) => name));
  return [
    ...wanted
      .filter(({ name, default: value }) => value === undefined && !names.has(name))
      .map(({ name }) => `no binding gives the param ${name} of the template`),
    ...given.filter(({ name }) => !wanted.some((param) => param.name === name)).map(({ name }) => `the template has no param ${name}`),
    ...variablesIn(given)
      .filter((name) => name.startsWith('extensions.') && !extensions.has(name))
      .map((name) => `no overlay makes $(${name})`),
  ];
}

function unusedProblems({ metadata }: Resource, around: Installed): string[] {
  const used = [...around.values()].some((object) => {
    const { data } = Listener.safeParse(object['spec']);
    return data?.triggers.some(({ bindings }) => bindings.some(({ ref }) => ref === metadata.name));
  });
  return used ? [] : [`no EventListener of this folder uses it`];
}

function guardProblems({ interceptors }: Trigger): string[] {
  const [first, ...rest] = interceptors;
  const given = new Set(first?.params.map(({ name }) => name));
  const signed = first?.ref.name === 'github' && given.has('secretRef') && given.has('eventTypes');
  const filters = rest
    .filter(({ ref }) => ref.name === 'cel')
    .flatMap(({ params }) => params.filter(({ name }) => name === 'filter').map(({ value }) => String(value)));
  return [
    ...(signed ? [] : ['the first interceptor must be github with secretRef and eventTypes, which checks the signature']),
    ...(filters.some((filter) => filter.includes(`${LOOP_GUARD}: true`))
      ? []
      : [`no cel filter looks for "${LOOP_GUARD}: true", so a GitOps commit could start a run`]),
  ];
}
