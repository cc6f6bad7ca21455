// SPDX-License-Identifier: Apache-2.0
// A policy of the differential test as data, and the files that it becomes.

type Json = Record<string, unknown>;
export type Sample = { name: string; object: Json; violations: number };
type Code = { rego: string; libs?: readonly string[]; v1?: true } | { cel: Json };

export type Policy = {
  kind: string;
  code: Code | readonly Code[];
  /** OpenAPI properties of the parameters. */
  schema?: Json;
  parameters?: Json;
  match?: Json;
  /** More of the constraint's spec: enforcementAction, scopedEnforcementActions. */
  enforcement?: Json;
  samples: readonly Sample[];
  inventory?: readonly Json[];
  expansion?: readonly Json[];
  /** The constraint does not fit the schema of its template. */
  invalid?: true;
  /** What `gator verify` has no way to give: namespaces of the objects. */
  testOnly?: true;
  /** An admission review is something that only `gator verify` unpacks. */
  verifyOnly?: true;
};

export const RE_PODS: Json = { kinds: [{ apiGroups: [''], kinds: ['Pod'] }] };

/** One rule over `c`, which is every container and init container of a Pod (Rego v0, `input_containers`). */
export function podRego(kind: string, body: string, more = ''): string {
  return `package ${kind.toLowerCase()}
violation[{"msg": msg}] {
  c := input_containers[_]
  ${body}
}
input_containers[c] { c := input.review.object.spec.containers[_] }
input_containers[c] { c := input.review.object.spec.initContainers[_] }
${more}`;
}

/** The same in Rego v1. */
export function podRegoV1(kind: string, body: string, more = ''): string {
  return `package ${kind.toLowerCase()}
violation contains {"msg": msg} if {
  some c in containers
  ${body}
}
containers contains c if some c in input.review.object.spec.containers
containers contains c if some c in object.get(input.review.object.spec, "initContainers", [])
${more}`;
}

export function pod(name: string, containers: readonly Json[] = [{}], spec: Json = {}, metadata: Json = {}): Json {
  const named = containers.map((container, at) => ({ name: `c${at}`, image: 'registry.example.com/app:1', ...container }));
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', ...metadata }, spec: { containers: named, ...spec } };
}

export function object(apiVersion: string, kind: string, name: string, more: Json = {}, metadata: Json = {}): Json {
  return { apiVersion, kind, metadata: { name, namespace: 'shop', ...metadata }, ...more };
}

/** Samples by name; the number of violations is at the end of the name (`-0`, `-2`). */
export function samples(...objects: Json[]): Sample[] {
  return objects.map((one) => {
    const { name } = one['metadata'] as { name: string };
    return { name, object: one, violations: Number(name.split('-').at(-1)) };
  });
}

export function templateOf({ kind, code, schema }: Policy): Json {
  const codes = Array.isArray(code) ? (code as readonly Code[]) : [code as Code];
  const [only] = codes;
  const legacy = codes.length === 1 && only !== undefined && 'rego' in only && only.v1 !== true;
  const engines = codes.map((one) =>
    'cel' in one
      ? { engine: 'K8sNativeValidation', source: one.cel }
      : { engine: 'Rego', source: { rego: one.rego, ...(one.v1 && { version: 'v1' }), ...(one.libs && { libs: one.libs }) } },
  );
  const target = 'admission.k8s.gatekeeper.sh';
  return {
    apiVersion: 'templates.gatekeeper.sh/v1',
    kind: 'ConstraintTemplate',
    metadata: { name: kind.toLowerCase() },
    spec: {
      crd: { spec: { names: { kind }, ...(schema && { validation: { openAPIV3Schema: { type: 'object', properties: schema } } }) } },
      targets: [legacy && only && 'rego' in only ? { target, rego: only.rego, ...(only.libs && { libs: only.libs }) } : { target, code: engines }],
    },
  };
}

export function constraintOf({ kind, parameters, match, enforcement }: Policy): Json {
  return {
    apiVersion: 'constraints.gatekeeper.sh/v1beta1',
    kind,
    metadata: { name: `${kind.toLowerCase()}-sample` },
    spec: { ...enforcement, ...(match && { match }), ...(parameters && { parameters }) },
  };
}

/** The files of a policy by name, as objects: for `gator test` all of them, for `gator verify` with a suite that expects what the samples say. */
export function filesOf(policy: Policy): Map<string, Json | readonly Json[]> {
  const { samples: all, inventory = [], expansion = [], invalid, testOnly, kind } = policy;
  const files = new Map<string, Json | readonly Json[]>([
    ['template.yaml', templateOf(policy)],
    ['constraint.yaml', constraintOf(policy)],
    ...all.map((sample): [string, Json] => [`sample-${sample.name}.yaml`, sample.object]),
    ...inventory.map((one, at): [string, Json] => [`inventory-${at}.yaml`, one]),
  ]);
  if (expansion.length > 0) files.set('expansion.yaml', expansion);
  if (testOnly) return files;
  const cases = all.map(({ name, violations }) => ({
    name,
    object: `sample-${name}.yaml`,
    ...(inventory.length > 0 && { inventory: inventory.map((_, at) => `inventory-${at}.yaml`) }),
    assertions: [{ violations }],
  }));
  const test = {
    ...{ name: kind, template: 'template.yaml', constraint: 'constraint.yaml', ...(expansion.length > 0 && { expansion: 'expansion.yaml' }) },
    ...(invalid ? { invalid: true } : { cases }),
  };
  return files.set('suite.yaml', { apiVersion: 'test.gatekeeper.sh/v1alpha1', kind: 'Suite', metadata: { name: kind.toLowerCase() }, tests: [test] });
}
