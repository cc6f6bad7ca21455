// SPDX-License-Identifier: Apache-2.0
import { object, type Policy, pod, RE_PODS, samples } from './policy.ts';

const ingress = (name: string, host: string, namespace = 'shop') =>
  object('networking.k8s.io/v1', 'Ingress', name, { spec: { rules: [{ host }] } }, { namespace });
const service = (name: string, selector: Record<string, string>) => object('v1', 'Service', name, { spec: { selector } });
const deployment = (name: string, replicas: number) => object('apps/v1', 'Deployment', name, { spec: { replicas } });
const INGRESS = { kinds: [{ apiGroups: ['networking.k8s.io', 'extensions'], kinds: ['Ingress'] }] };

/** Rego v0 with inventory, libraries and all that a cluster's other kinds need. */
export const V0_MORE: readonly Policy[] = [
  {
    kind: 'OwnReplicas',
    schema: { ranges: { type: 'array', items: { type: 'object', properties: { min: { type: 'integer' }, max: { type: 'integer' } } } } },
    parameters: {
      ranges: [
        { min: 2, max: 5 },
        { min: 10, max: 10 },
      ],
    },
    match: { kinds: [{ apiGroups: ['apps'], kinds: ['*'] }] },
    code: {
      rego: `package ownreplicas
violation[{"msg": msg}] {
  spec := input.review.object.spec
  not within(spec)
  msg := sprintf("the number of replicas is not in a range: %v; allowed ranges: %v", [spec.replicas, input.parameters.ranges])
}
within(spec) { range := input.parameters.ranges[_]; range.min <= spec.replicas; range.max >= spec.replicas }`,
    },
    samples: samples(deployment('good-0', 3), deployment('also-good-0', 10), deployment('many-1', 7), deployment('few-1', 1)),
  },
  {
    kind: 'OwnIngressHost',
    match: INGRESS,
    code: {
      rego: `package owningresshost
identical(obj, review) { obj.metadata.namespace == review.object.metadata.namespace; obj.metadata.name == review.object.metadata.name }
violation[{"msg": msg}] {
  host := input.review.object.spec.rules[_].host
  other := data.inventory.namespace[_][otherapiversion]["Ingress"][name]
  re_match("^(extensions|networking.k8s.io)/.+$", otherapiversion)
  other.spec.rules[_].host == host
  not identical(other, input.review)
  msg := sprintf("ingress host conflicts with an existing ingress <%v>: %v", [name, host])
}`,
    },
    inventory: [ingress('first', 'a.example.com', 'other'), ingress('second', 'a.example.com', 'third')],
    samples: samples(ingress('good-0', 'b.example.com'), ingress('clash-2', 'a.example.com')),
  },
  {
    kind: 'OwnSelectors',
    match: { kinds: [{ apiGroups: [''], kinds: ['Service'] }] },
    code: {
      rego: `package ownselectors
flat(o) = concat(",", sort([s | v := o.spec.selector[k]; s := concat(":", [k, v])]))
violation[{"msg": msg}] {
  other := data.inventory.namespace[ns]["v1"]["Service"][name]
  not same(other, input.review.object)
  flat(other) == flat(input.review.object)
  msg := sprintf("same selector as service <%v> in namespace <%v>", [name, ns])
}
same(a, b) { a.metadata.name == b.metadata.name; a.metadata.namespace == b.metadata.namespace }`,
    },
    inventory: [service('taken', { app: 'a', tier: 'web' })],
    samples: samples(service('good-0', { app: 'b' }), service('clash-1', { tier: 'web', app: 'a' })),
  },
  {
    kind: 'OwnProbes',
    schema: { probes: { type: 'array', items: { type: 'string' } } },
    parameters: { probes: ['readinessProbe', 'livenessProbe'] },
    match: RE_PODS,
    code: {
      rego: `package ownprobes
violation[{"msg": msg}] {
  c := input.review.object.spec.containers[_]
  probe := input.parameters.probes[_]
  not has(c, probe)
  msg := sprintf("container <%v> in your <%v> <%v> has no <%v>", [c.name, input.review.kind.kind, input.review.object.metadata.name, probe])
}
has(c, probe) { c[probe].httpGet }
has(c, probe) { c[probe].tcpSocket }`,
    },
    samples: samples(pod('good-0', [{ readinessProbe: { httpGet: { port: 1 } }, livenessProbe: { tcpSocket: { port: 1 } } }]), pod('bare-2')),
  },
  {
    kind: 'OwnWildcards',
    match: INGRESS,
    code: {
      rego: `package ownwildcards
wild(host) { host == "" }
wild(host) { contains(host, "*") }
violation[{"msg": msg}] {
  host := object.get(input.review.object.spec.rules[_], "host", "")
  wild(host)
  msg := sprintf("hostname '%v' is not allowed since it counts as a wildcard", [host])
}`,
    },
    samples: samples(ingress('good-0', 'a.example.com'), ingress('star-1', '*.example.com'), ingress('empty-1', '')),
  },
  {
    kind: 'OwnExternalIps',
    schema: { allowedIPs: { type: 'array', items: { type: 'string' } } },
    parameters: { allowedIPs: ['203.0.113.0'] },
    match: { kinds: [{ apiGroups: [''], kinds: ['Service'] }], namespaces: ['shop'] },
    code: {
      rego: `package ownexternalips
violation[{"msg": msg}] {
  allowed := {ip | ip := input.parameters.allowedIPs[_]}
  external := {ip | ip := input.review.object.spec.externalIPs[_]}
  forbidden := external - allowed
  count(forbidden) > 0
  msg := sprintf("service has forbidden external IPs: %v", [forbidden])
}`,
    },
    samples: samples(
      object('v1', 'Service', 'good-0', { spec: { externalIPs: ['203.0.113.0'] } }),
      object('v1', 'Service', 'bad-1', { spec: { externalIPs: ['1.1.1.1', '8.8.8.8'] } }),
      object('v1', 'Service', 'elsewhere-0', { spec: { externalIPs: ['1.1.1.1'] } }, { namespace: 'other' }),
    ),
  },
  {
    kind: 'OwnLibrary',
    match: RE_PODS,
    code: {
      rego: `package ownlibrary
import data.lib.names.long
violation[{"msg": msg, "details": {"length": count(input.review.object.metadata.name), "nested": {"a": [1, 2.5, null, true]}}}] {
  long(input.review.object.metadata.name)
  msg := "name is too long"
}`,
      libs: ['package lib.names\nimport data.lib.limits.maximum\nlong(name) { count(name) > maximum }', 'package lib.limits\nmaximum = 8'],
    },
    samples: samples(pod('short-0'), pod('much-too-long-1')),
  },
  {
    kind: 'OwnNames',
    match: { ...RE_PODS, name: 'web-*', scope: 'Namespaced' },
    code: { rego: 'package ownnames\nviolation[{"msg": "no name like this"}] { true }' },
    samples: samples(pod('db-0'), pod('web-1'), object('v1', 'Node', 'web-node-0', {}, { namespace: undefined as unknown as string })),
  },
  {
    kind: 'OwnEquals',
    code: {
      rego: `package ownequals
violation[{"msg": msg}] { x := input.review.object.spec.values[i]; y := input.review.object.spec.values[j]; i < j; x == y; msg := sprintf("%d and %d are both %v (%s)", [i, j, x, type_name(x)]) }
violation[{"msg": "same message"}] { input.review.object.spec.values[_] == 1 }`,
    },
    samples: samples(
      object('example.com/v1', 'Thing', 'good-0', { spec: { values: ['1', 2, 3.5, null, [], {}, true] } }),
      object('example.com/v1', 'Thing', 'numbers-2', { spec: { values: [1, 1.0] } }),
      object('example.com/v1', 'Thing', 'deep-1', { spec: { values: [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }] } }),
    ),
  },
  {
    kind: 'OwnOperations',
    verifyOnly: true,
    code: {
      rego: `package ownoperations
violation[{"msg": msg}] { input.review.operation == "UPDATE"; input.review.oldObject.spec.nodeName != input.review.object.spec.nodeName; msg := sprintf("%v may not move it", [input.review.userInfo.username]) }
violation[{"msg": "deletion"}] { input.review.operation == "DELETE" }`,
    },
    samples: [
      { name: 'stays', object: admission('UPDATE', 'a', 'a'), violations: 0 },
      { name: 'moves', object: admission('UPDATE', 'a', 'b'), violations: 1 },
      { name: 'goes', object: admission('DELETE', 'a', 'a'), violations: 1 },
    ],
  },
];

function admission(operation: string, from: string, to: string): Record<string, unknown> {
  const request = {
    uid: '00000000-0000-0000-0000-000000000000',
    operation,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    name: 'p',
    namespace: 'shop',
    userInfo: { username: 'ann' },
    oldObject: pod('p', [{}], { nodeName: from }),
  };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { ...request, ...(operation !== 'DELETE' && { object: pod('p', [{}], { nodeName: to }) }) },
  };
}
