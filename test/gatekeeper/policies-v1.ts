// SPDX-License-Identifier: Apache-2.0
import { object, type Policy, pod, podRegoV1, RE_PODS, samples } from './policy.ts';

const STRINGS = { type: 'array', items: { type: 'string' } };
const rego = (text: string, libs?: readonly string[]) => ({ rego: text, v1: true as const, ...(libs && { libs }) });
const hpa = (name: string, minReplicas: number, maxReplicas: number) =>
  object('autoscaling/v2', 'HorizontalPodAutoscaler', name, { spec: { minReplicas, maxReplicas, scaleTargetRef: { kind: 'Deployment', name: 'app' } } });

/** Rego v1. */
export const V1: readonly Policy[] = [
  {
    kind: 'OwnAnnotations',
    schema: { annotations: STRINGS },
    parameters: { annotations: ['team', 'ticket'] },
    code: rego(`package ownannotations
violation contains {"msg": msg, "details": {"missing": missing}} if {
  present := {k | some k, _ in object.get(input.review.object.metadata, "annotations", {})}
  missing := {a | some a in input.parameters.annotations} - present
  count(missing) > 0
  msg := sprintf("annotations are missing: %v", [missing])
}`),
    samples: samples(pod('good-0', [{}], {}, { annotations: { team: 'a', ticket: '1' } }), pod('bare-1')),
  },
  {
    kind: 'OwnDigests',
    match: RE_PODS,
    code: rego(
      podRegoV1(
        'OwnDigests',
        'not regex.match(`@[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$`, c.image)\n  msg := sprintf("container <%v> uses an image without a digest <%v>", [c.name, c.image])',
      ),
    ),
    samples: samples(pod('good-0', [{ image: `a@sha256:${'a'.repeat(64)}` }]), pod('bad-2', [{}, { image: 'b' }])),
  },
  {
    kind: 'OwnNonRoot',
    schema: { exempt: STRINGS },
    parameters: { exempt: ['trusted/*'] },
    match: RE_PODS,
    code: rego(
      podRegoV1(
        'OwnNonRoot',
        `not exempt(c)
  some reason in reasons(c)
  msg := sprintf("container %v: %v", [c.name, reason])`,
        `exempt(c) if { some e in input.parameters.exempt; startswith(c.image, trim_suffix(e, "*")) }
reasons(c) := {r | some r, bad in {"runs as root": object.get(c, ["securityContext", "runAsUser"], 1) == 0, "may run as root": object.get(c, ["securityContext", "runAsNonRoot"], false) != true}; bad}`,
      ),
    ),
    samples: samples(
      pod('good-0', [{ securityContext: { runAsNonRoot: true, runAsUser: 5 } }, { image: 'trusted/a' }]),
      pod('bad-3', [{}, { securityContext: { runAsUser: 0 } }]),
    ),
  },
  {
    kind: 'OwnSeccomp',
    schema: { profiles: { type: 'array', items: { type: 'string', enum: ['RuntimeDefault', 'Localhost'] }, default: ['RuntimeDefault'] } },
    parameters: {},
    match: RE_PODS,
    code: rego(`package ownseccomp
default profile := "none"
profile := input.review.object.spec.securityContext.seccompProfile.type
violation contains {"msg": msg} if {
  not profile in input.parameters.profiles
  msg := sprintf("seccomp profile %q is not one of %v", [profile, input.parameters.profiles])
}`),
    samples: samples(pod('good-0', [{}], { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }), pod('bare-1')),
  },
  {
    kind: 'OwnTokens',
    match: RE_PODS,
    code: rego(`package owntokens
violation contains {"msg": "the service account's token is mounted"} if {
  object.get(input.review.object.spec, "automountServiceAccountToken", true)
  some c in input.review.object.spec.containers
  every m in object.get(c, "volumeMounts", []) { m.mountPath != "/var/run/secrets" }
}`),
    samples: samples(pod('good-0', [{}], { automountServiceAccountToken: false }), pod('bare-1')),
  },
  {
    kind: 'OwnSysctls',
    schema: { forbidden: STRINGS },
    parameters: { forbidden: ['kernel.*', 'net.core.somaxconn'] },
    match: RE_PODS,
    code: rego(`package ownsysctls
violation contains {"msg": sprintf("the sysctl %s is not allowed", [s.name]), "details": {"by": by}} if {
  some s in input.review.object.spec.securityContext.sysctls
  by := [f | some f in input.parameters.forbidden; glob.match(f, ["."], s.name)]
  by != []
}`),
    samples: samples(
      pod('good-0', [{}], { securityContext: { sysctls: [{ name: 'net.ipv4.x', value: '1' }] } }),
      pod('bad-2', [{}], {
        securityContext: {
          sysctls: [
            { name: 'kernel.shm', value: '1' },
            { name: 'net.core.somaxconn', value: '1' },
          ],
        },
      }),
    ),
  },
  {
    kind: 'OwnTty',
    match: RE_PODS,
    code: rego(podRegoV1('OwnTty', 'some field in {"tty", "stdin"}\n  c[field] == true\n  msg := $"{c.name} sets {field}"')),
    samples: samples(pod('good-0', [{ tty: false }]), pod('bad-2', [{ tty: true, stdin: true }])),
  },
  {
    kind: 'OwnApis',
    schema: { gone: { type: 'array', items: { type: 'object', properties: { group: { type: 'string' }, versions: STRINGS, since: { type: 'string' } } } } },
    parameters: { gone: [{ group: 'extensions', versions: ['v1beta1'], since: '1.16' }] },
    code: rego(`package ownapis
violation contains {"msg": msg} if {
  some one in input.parameters.gone
  input.review.kind.group == one.group
  input.review.kind.version in one.versions
  msg := sprintf("API %v/%v for %v is gone since %v", [one.group, input.review.kind.version, input.review.kind.kind, one.since])
}`),
    samples: samples(object('extensions/v1beta1', 'Ingress', 'old-1'), object('networking.k8s.io/v1', 'Ingress', 'new-0')),
  },
  {
    kind: 'OwnStorage',
    match: { kinds: [{ apiGroups: [''], kinds: ['PersistentVolumeClaim'] }] },
    code: rego(`package ownstorage
known contains name if some name, _ in data.inventory.cluster["storage.k8s.io/v1"].StorageClass
violation contains {"msg": msg} if {
  name := input.review.object.spec.storageClassName
  not name in known
  msg := sprintf("storage class %q is not one of %v", [name, known])
}`),
    inventory: [{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'fast' } }],
    samples: samples(
      object('v1', 'PersistentVolumeClaim', 'good-0', { spec: { storageClassName: 'fast' } }),
      object('v1', 'PersistentVolumeClaim', 'bad-1', { spec: { storageClassName: 'slow' } }),
    ),
  },
  {
    kind: 'OwnScaling',
    schema: { min: { type: 'integer', default: 2, minimum: 1 }, spread: { type: 'integer', default: 3 } },
    parameters: {},
    match: { kinds: [{ apiGroups: ['autoscaling'], kinds: ['HorizontalPodAutoscaler'] }] },
    code: rego(`package ownscaling
spec := input.review.object.spec
violation contains {"msg": sprintf("at least %d replicas, not %d", [input.parameters.min, spec.minReplicas])} if spec.minReplicas < input.parameters.min
violation contains {"msg": sprintf("a spread of %d is more than %d", [spread, input.parameters.spread])} if {
  spread := spec.maxReplicas - spec.minReplicas
  spread > input.parameters.spread
}`),
    samples: samples(hpa('good-0', 2, 5), hpa('low-1', 1, 2), hpa('wide-1', 2, 9), hpa('both-2', 1, 9)),
  },
  {
    kind: 'OwnDisruption',
    match: { kinds: [{ apiGroups: ['apps'], kinds: ['Deployment'] }] },
    code: rego(`package owndisruption
violation contains {"msg": msg} if {
  some name, pdb in data.inventory.namespace[input.review.object.metadata.namespace]["policy/v1"].PodDisruptionBudget
  labels := input.review.object.spec.selector.matchLabels
  every k, v in pdb.spec.selector.matchLabels { labels[k] == v }
  pdb.spec.maxUnavailable == 0
  msg := sprintf("%s is blocked by the disruption budget %s", [input.review.object.metadata.name, name])
}`),
    inventory: [object('policy/v1', 'PodDisruptionBudget', 'none', { spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'a' } } } })],
    samples: samples(
      object('apps/v1', 'Deployment', 'free-0', { spec: { selector: { matchLabels: { app: 'b' } } } }),
      object('apps/v1', 'Deployment', 'held-1', { spec: { selector: { matchLabels: { app: 'a', x: 'y' } } } }),
    ),
  },
  {
    kind: 'OwnLibraryToo',
    match: RE_PODS,
    code: rego('package ownlibrarytoo\nimport data.lib.images as images\nviolation contains {"msg": m} if some m in images.problems', [
      'package lib.images\nproblems contains sprintf("%v is foreign", [c.image]) if {\n  some c in input.review.object.spec.containers\n  not startswith(c.image, "registry.example.com/")\n}',
    ]),
    samples: samples(pod('good-0'), pod('bad-1', [{ image: 'x' }])),
  },
];
