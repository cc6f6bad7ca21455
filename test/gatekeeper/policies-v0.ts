// SPDX-License-Identifier: Apache-2.0
import { object, type Policy, pod, podRego, RE_PODS, samples } from './policy.ts';

const STRINGS = { type: 'array', items: { type: 'string' } };

/** Rego v0, as most templates that are in use. */
export const V0: readonly Policy[] = [
  {
    kind: 'OwnLabels',
    schema: { labels: { type: 'array', items: { type: 'object', properties: { key: { type: 'string' }, allowedRegex: { type: 'string' } } } } },
    parameters: { labels: [{ key: 'owner', allowedRegex: '^[a-z]+@example.com$' }, { key: 'tier' }] },
    code: {
      rego: `package ownlabels
violation[{"msg": msg, "details": {"missing_labels": missing}}] {
  provided := {label | input.review.object.metadata.labels[label]}
  required := {label | label := input.parameters.labels[_].key}
  missing := required - provided
  count(missing) > 0
  msg := sprintf("you must provide labels: %v", [missing])
}
violation[{"msg": msg}] {
  value := input.review.object.metadata.labels[key]
  expected := input.parameters.labels[_]
  expected.key == key
  expected.allowedRegex != ""
  not re_match(expected.allowedRegex, value)
  msg := sprintf("label <%v: %v> does not satisfy %v", [key, value, expected.allowedRegex])
}`,
    },
    samples: samples(
      pod('good-0', [{}], {}, { labels: { owner: 'ann@example.com', tier: 'web' } }),
      pod('bare-1'),
      pod('wrong-2', [{}], {}, { labels: { owner: 'ANN' } }),
    ),
  },
  {
    kind: 'OwnRepos',
    schema: { repos: STRINGS },
    parameters: { repos: ['registry.example.com/', 'mirror.example.com/library'] },
    match: RE_PODS,
    code: {
      rego: podRego(
        'OwnRepos',
        `satisfied := [good | repo = input.parameters.repos[_]; good = startswith(c.image, repo)]
  not any(satisfied)
  msg := sprintf("container <%v> has an invalid image repo <%v>, allowed repos are %v", [c.name, c.image, input.parameters.repos])`,
      ),
    },
    samples: samples(
      pod('good-0'),
      pod('bad-2', [{ image: 'docker.io/a' }, {}], { initContainers: [{ name: 'i', image: 'quay.io/b' }] }),
      object('apps/v1', 'Deployment', 'elsewhere-0'),
    ),
  },
  {
    kind: 'OwnLimits',
    schema: { cpu: { type: 'string' }, memory: { type: 'string' } },
    parameters: { cpu: '200m', memory: '1Gi' },
    match: RE_PODS,
    code: {
      rego: podRego(
        'OwnLimits',
        `msg := message(c)`,
        `canonify_cpu(orig) = new { is_number(orig); new := orig * 1000 }
canonify_cpu(orig) = new { not is_number(orig); endswith(orig, "m"); new := to_number(replace(orig, "m", "")) }
canonify_cpu(orig) = new { not is_number(orig); not endswith(orig, "m"); re_match("^[0-9]+(\\\\.[0-9]+)?$", orig); new := to_number(orig) * 1000 }
message(c) = msg { not c.resources.limits.cpu; msg := sprintf("container <%v> has no cpu limit", [c.name]) }
message(c) = msg {
  cpu := canonify_cpu(c.resources.limits.cpu)
  max := canonify_cpu(input.parameters.cpu)
  cpu > max
  msg := sprintf("container <%v> cpu limit <%v> is higher than the maximum allowed of <%v>", [c.name, c.resources.limits.cpu, input.parameters.cpu])
}`,
      ),
    },
    samples: samples(
      pod('good-0', [{ resources: { limits: { cpu: '150m' } } }, { resources: { limits: { cpu: 0.1 } } }]),
      pod('none-1'),
      pod('high-2', [{ resources: { limits: { cpu: 1 } } }, { resources: { limits: { cpu: '0.5' } } }]),
    ),
  },
  {
    kind: 'OwnNodePort',
    match: { kinds: [{ apiGroups: [''], kinds: ['Service'] }] },
    code: {
      rego: `package ownnodeport
violation[{"msg": msg}] {
  input.review.kind.kind == "Service"
  input.review.object.spec.type == "NodePort"
  msg := "a Service of type NodePort is not allowed"
}`,
    },
    samples: samples(
      object('v1', 'Service', 'good-0', { spec: { type: 'ClusterIP' } }),
      object('v1', 'Service', 'bad-1', { spec: { type: 'NodePort' } }),
      pod('other-0'),
    ),
  },
  {
    kind: 'OwnTags',
    schema: { tags: STRINGS },
    parameters: { tags: ['latest', 'dev'] },
    match: RE_PODS,
    code: {
      rego: `${podRego(
        'OwnTags',
        `tags := [bad | tag := input.parameters.tags[_]; bad := endswith(c.image, concat(":", ["", tag]))]
  any(tags)
  msg := sprintf("container <%v> uses a disallowed tag <%v>", [c.name, c.image])`,
      )}
violation[{"msg": msg}] {
  c := input_containers[_]
  not contains(c.image, ":")
  msg := sprintf("container <%v> has no tag <%v>", [c.name, c.image])
}`,
    },
    samples: samples(pod('good-0'), pod('latest-1', [{ image: 'a:latest' }]), pod('bare-2', [{ image: 'a' }, { image: 'b:dev' }])),
  },
  {
    kind: 'OwnHostPorts',
    schema: { hostNetwork: { type: 'boolean' }, min: { type: 'integer' }, max: { type: 'integer' } },
    parameters: { hostNetwork: false, min: 80, max: 9000 },
    match: RE_PODS,
    code: {
      rego: `package ownhostports
violation[{"msg": msg, "details": {}}] {
  input_share_hostnetwork(input.review.object)
  msg := sprintf("the specified hostNetwork and hostPort are not allowed, pod: %v. Allowed values: %v", [input.review.object.metadata.name, input.parameters])
}
input_share_hostnetwork(o) { not input.parameters.hostNetwork; o.spec.hostNetwork }
input_share_hostnetwork(_) { hostPort := input_containers[_].ports[_].hostPort; hostPort < input.parameters.min }
input_share_hostnetwork(_) { hostPort := input_containers[_].ports[_].hostPort; hostPort > input.parameters.max }
input_containers[c] { c := input.review.object.spec.containers[_] }`,
    },
    samples: samples(
      pod('good-0', [{ ports: [{ hostPort: 80 }] }]),
      pod('net-1', [{}], { hostNetwork: true }),
      pod('port-1', [{ ports: [{ hostPort: 9001 }] }]),
    ),
  },
  {
    kind: 'OwnPrivileged',
    match: { ...RE_PODS, excludedNamespaces: ['kube-*', '*-system'] },
    code: { rego: podRego('OwnPrivileged', 'c.securityContext.privileged\n  msg := sprintf("privileged container is not allowed: %v", [c.name])') },
    samples: samples(
      pod('good-0'),
      pod('bad-1', [{ securityContext: { privileged: true } }]),
      pod('exempt-0', [{ securityContext: { privileged: true } }], {}, { namespace: 'kube-x' }),
      pod('exempt-too-0', [{ securityContext: { privileged: true } }], {}, { namespace: 'a-system' }),
    ),
  },
  {
    kind: 'OwnRootFs',
    match: { ...RE_PODS, labelSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] } },
    code: {
      rego: podRego(
        'OwnRootFs',
        'missing(c)\n  msg := sprintf("only a read-only root file system is allowed: %v", [c.name])',
        'missing(c) { not c.securityContext }\nmissing(c) { not c.securityContext.readOnlyRootFilesystem == true }',
      ),
    },
    samples: samples(
      pod('good-0', [{ securityContext: { readOnlyRootFilesystem: true } }]),
      pod('bad-2', [{}, { securityContext: { readOnlyRootFilesystem: false } }]),
      pod('labelled-0', [{}], {}, { labels: { skip: 'always' } }),
    ),
  },
  {
    kind: 'OwnCapabilities',
    schema: { requiredDrop: STRINGS, allowed: STRINGS },
    parameters: { requiredDrop: ['ALL'], allowed: ['NET_BIND_SERVICE'] },
    match: RE_PODS,
    code: {
      rego: `${podRego(
        'OwnCapabilities',
        `dropped := {d | d := upper(c.securityContext.capabilities.drop[_])}
  required := {r | r := input.parameters.requiredDrop[_]}
  count(required - dropped) > 0
  msg := sprintf("container <%v> is not dropping all required capabilities: %v", [c.name, required - dropped])`,
      )}
violation[{"msg": msg}] {
  c := input_containers[_]
  added := {a | a := c.securityContext.capabilities.add[_]}
  allowed := {a | a := input.parameters.allowed[_]}
  count(added - allowed) > 0
  msg := sprintf("container <%v> adds %v", [c.name, added - allowed])
}`,
    },
    samples: samples(
      pod('good-0', [{ securityContext: { capabilities: { drop: ['all'], add: ['NET_BIND_SERVICE'] } } }]),
      pod('bad-2', [{ securityContext: { capabilities: { add: ['SYS_ADMIN', 'NET_RAW'] } } }]),
    ),
  },
  {
    kind: 'OwnHostPaths',
    schema: { allowedHostPaths: { type: 'array', items: { type: 'object', properties: { pathPrefix: { type: 'string' }, readOnly: { type: 'boolean' } } } } },
    parameters: { allowedHostPaths: [{ pathPrefix: '/var/log', readOnly: true }] },
    match: RE_PODS,
    code: {
      rego: `package ownhostpaths
violation[{"msg": msg, "details": {"path": volume.hostPath.path}}] {
  volume := input.review.object.spec.volumes[_]
  volume.hostPath
  not allowed(volume)
  msg := sprintf("HostPath volume %v is not allowed, pod: %v. Allowed path: %v", [volume, input.review.object.metadata.name, input.parameters.allowedHostPaths])
}
allowed(volume) { startswith(volume.hostPath.path, input.parameters.allowedHostPaths[_].pathPrefix) }`,
    },
    samples: samples(
      pod('good-0', [{}], {
        volumes: [
          { name: 'a', hostPath: { path: '/var/log/app' } },
          { name: 'b', emptyDir: {} },
        ],
      }),
      pod('bad-2', [{}], {
        volumes: [
          { name: 'a', hostPath: { path: '/etc' } },
          { name: 'b', hostPath: { path: '/' } },
        ],
      }),
    ),
  },
];
