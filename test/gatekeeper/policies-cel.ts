// SPDX-License-Identifier: Apache-2.0
import { object, type Policy, pod, RE_PODS, samples } from './policy.ts';

const deployment = (name: string, replicas: number) => object('apps/v1', 'Deployment', name, { spec: { replicas } });
const DEPLOYMENTS = { kinds: [{ apiGroups: ['apps'], kinds: ['Deployment'] }] };
const ALL = 'variables.anyObject.spec.containers';

/** Templates whose rules are CEL (K8sNativeValidation). */
export const CEL: readonly Policy[] = [
  {
    kind: 'CelReplicas',
    schema: { max: { type: 'integer' } },
    parameters: { max: 3 },
    match: DEPLOYMENTS,
    code: {
      cel: {
        validations: [
          { expression: 'object.spec.replicas <= variables.params.max', messageExpression: '"at most " + string(variables.params.max) + " replicas"' },
        ],
      },
    },
    samples: samples(deployment('good-0', 3), deployment('bad-1', 4)),
  },
  {
    kind: 'CelPrivileged',
    match: RE_PODS,
    code: {
      cel: {
        variables: [
          { name: 'all', expression: `${ALL} + (has(variables.anyObject.spec.initContainers) ? variables.anyObject.spec.initContainers : [])` },
          {
            name: 'bad',
            expression: 'variables.all.filter(c, has(c.securityContext) && has(c.securityContext.privileged) && c.securityContext.privileged).map(c, c.name)',
          },
        ],
        validations: [{ expression: 'size(variables.bad) == 0', messageExpression: '"privileged: " + variables.bad.join(", ")' }],
      },
    },
    samples: samples(pod('good-0'), pod('bad-1', [{ securityContext: { privileged: true } }, { securityContext: { privileged: true } }])),
  },
  {
    kind: 'CelTags',
    schema: { tags: { type: 'array', items: { type: 'string' } } },
    parameters: { tags: ['latest'] },
    match: RE_PODS,
    code: {
      cel: {
        failurePolicy: 'Fail',
        validations: [{ expression: `${ALL}.all(c, !variables.params.tags.exists(t, c.image.endsWith(':' + t)))`, message: 'a tag is not allowed' }],
      },
    },
    samples: samples(pod('good-0'), pod('bad-1', [{ image: 'a:latest' }])),
  },
  {
    kind: 'CelConditions',
    match: RE_PODS,
    code: {
      cel: {
        matchCondition: [
          { name: 'only-web', expression: 'has(object.metadata.labels) && "app" in object.metadata.labels && object.metadata.labels["app"] == "web"' },
        ],
        validations: [
          { expression: 'has(object.spec.nodeSelector)', message: 'a node must be chosen' },
          { expression: '!has(object.spec.hostPID) || !object.spec.hostPID', message: 'no PID of the host' },
        ],
      },
    },
    samples: samples(
      pod('db-0', [{}], { hostPID: true }),
      pod('web-2', [{}], { hostPID: true }, { labels: { app: 'web' } }),
      pod('good-0', [{}], { nodeSelector: { a: 'b' } }, { labels: { app: 'web' } }),
    ),
  },
  {
    kind: 'CelQuantities',
    match: RE_PODS,
    code: {
      cel: {
        validations: [
          {
            expression: `${ALL}.all(c, has(c.resources) && quantity(c.resources.limits.memory).isLessThan(quantity("1Gi")))`,
            message: 'less than 1Gi of memory',
          },
        ],
      },
    },
    samples: samples(
      pod('good-0', [{ resources: { limits: { memory: '512Mi' } } }]),
      pod('big-1', [{ resources: { limits: { memory: '2Gi' } } }]),
      pod('none-1'),
    ),
  },
  {
    kind: 'CelAndRego',
    match: RE_PODS,
    code: [
      { rego: 'package celandrego\nviolation[{"msg": "Rego"}] { true }' },
      { cel: { validations: [{ expression: 'object.metadata.name.startsWith("good")', message: 'CEL' }] } },
    ],
    samples: samples(pod('good-0'), pod('bad-1')),
  },
  {
    kind: 'CelUrls',
    match: { kinds: [{ apiGroups: ['example.com'], kinds: ['Hook'] }] },
    code: {
      cel: {
        validations: [
          { expression: 'isURL(object.spec.url) && url(object.spec.url).getScheme() == "https"', messageExpression: '"not https: " + object.spec.url' },
        ],
      },
    },
    samples: samples(
      object('example.com/v1', 'Hook', 'good-0', { spec: { url: 'https://a.example.com/x' } }),
      object('example.com/v1', 'Hook', 'bad-1', { spec: { url: 'http://a.example.com' } }),
    ),
  },
  {
    kind: 'CelSets',
    schema: { allowed: { type: 'array', items: { type: 'string' }, default: ['a', 'b'] } },
    parameters: {},
    code: {
      cel: {
        validations: [
          { expression: 'object.spec.values.all(v, v in variables.params.allowed) && object.spec.values.isSorted()', message: 'sorted values of the list' },
        ],
      },
    },
    match: { kinds: [{ apiGroups: ['example.com'], kinds: ['Thing'] }] },
    samples: samples(
      object('example.com/v1', 'Thing', 'good-0', { spec: { values: ['a', 'b'] } }),
      object('example.com/v1', 'Thing', 'unsorted-1', { spec: { values: ['b', 'a'] } }),
      object('example.com/v1', 'Thing', 'foreign-1', { spec: { values: ['c'] } }),
    ),
  },
];
