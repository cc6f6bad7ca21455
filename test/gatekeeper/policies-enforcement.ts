// SPDX-License-Identifier: Apache-2.0
import { object, type Policy, pod, RE_PODS, samples } from './policy.ts';

const always = (kind: string) => ({ rego: `package ${kind.toLowerCase()}\nviolation[{"msg": "never"}] { true }` });
const scoped = (...entries: [string, ...string[]][]) => ({
  enforcementAction: 'scoped',
  scopedEnforcementActions: entries.map(([action, ...points]) => ({ action, enforcementPoints: points.map((name) => ({ name })) })),
});
const expand = (name: string, kind: string, more: object = {}) => ({
  apiVersion: 'expansion.gatekeeper.sh/v1alpha1',
  kind: 'ExpansionTemplate',
  metadata: { name },
  spec: {
    applyTo: [{ groups: ['apps'], kinds: [kind], versions: ['v1'] }],
    templateSource: 'spec.template',
    generatedGVK: { kind: 'Pod', group: '', version: 'v1' },
    ...more,
  },
});
const workload = (kind: string, name: string, image = 'a:latest') =>
  object('apps/v1', kind, name, { spec: { template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image }] } } } });
const LATEST = (kind: string) => ({
  rego: `package ${kind.toLowerCase()}
violation[{"msg": msg}] { endswith(input.review.object.spec.containers[_].image, ":latest"); msg := sprintf("%v %v is latest", [input.review.kind.kind, input.review.object.metadata.name]) }`,
});
const namespace = (name: string, labels: object) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
const one = (kind: string, enforcement: Policy['enforcement'], violations = 1): Policy => ({
  kind,
  match: RE_PODS,
  code: always(kind),
  ...(enforcement && { enforcement }),
  samples: samples(pod(`a-${violations}`)),
});

/** Actions, places of enforcement, matching and expansion. */
export const ENFORCEMENT: readonly Policy[] = [
  one('ActDeny', { enforcementAction: 'deny' }),
  one('ActWarn', { enforcementAction: 'warn' }),
  one('ActDryrun', { enforcementAction: 'dryrun' }),
  one('ActScopedHere', scoped(['warn', 'gator.gatekeeper.sh'], ['deny', 'validation.gatekeeper.sh'])),
  one('ActScopedBoth', scoped(['warn', 'gator.gatekeeper.sh'], ['deny', '*'])),
  one('ActScopedElsewhere', scoped(['deny', 'validation.gatekeeper.sh', 'audit.gatekeeper.sh']), 0),
  one('ActUnscoped', { ...scoped(['warn', 'gator.gatekeeper.sh']), enforcementAction: 'deny' }),
  {
    kind: 'MatchNamespaces',
    testOnly: true,
    match: { ...RE_PODS, namespaceSelector: { matchLabels: { env: 'prod' } } },
    code: always('MatchNamespaces'),
    inventory: [namespace('shop', { env: 'prod' }), namespace('lab', { env: 'test' })],
    samples: samples(pod('prod-1'), pod('lab-0', [{}], {}, { namespace: 'lab' })),
  },
  {
    kind: 'ExpandAll',
    match: RE_PODS,
    code: LATEST('ExpandAll'),
    expansion: [expand('deployments', 'Deployment'), expand('sets', 'StatefulSet')],
    samples: samples(
      workload('Deployment', 'bad-1'),
      workload('StatefulSet', 'too-1'),
      workload('Deployment', 'good-0', 'a:1'),
      pod('pod-1', [{ image: 'a:latest' }]),
    ),
  },
  {
    kind: 'ExpandWarn',
    match: { ...RE_PODS, source: 'Generated' },
    code: LATEST('ExpandWarn'),
    expansion: [expand('warned', 'Deployment', { enforcementAction: 'warn' })],
    samples: samples(workload('Deployment', 'bad-1'), pod('original-0', [{ image: 'a:latest' }])),
  },
  {
    kind: 'ExpandOriginal',
    match: { ...RE_PODS, source: 'Original' },
    code: LATEST('ExpandOriginal'),
    expansion: [expand('deployments', 'Deployment')],
    samples: samples(workload('Deployment', 'generated-0'), pod('original-1', [{ image: 'a:latest' }])),
  },
  {
    kind: 'BadParameters',
    invalid: true,
    schema: { count: { type: 'integer' } },
    parameters: { count: 'many' },
    code: always('BadParameters'),
    samples: samples(pod('a-0')),
  },
];
