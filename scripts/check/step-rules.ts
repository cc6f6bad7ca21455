// SPDX-License-Identifier: Apache-2.0
import { type Resource, type Step, stepsOf, variablesIn } from './manifest.ts';
import { EVERY_KIND, type Rule, STEP_KINDS } from './rule.ts';
import { isPlaceholder, isRightfulClaim } from './slots.ts';

const IMAGE = /^(?<host>[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?)(\/[a-z0-9._-]+)+:(?<tag>[A-Za-z0-9_][A-Za-z0-9._-]*)(?<digest>@sha256:[0-9a-f]{64})?$/;
const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const SHELL = /(^|\/)(ba|da|a|z|k)?sh$/;
/** What Tekton Chains takes as the claim "this run built it"; a step that only judges or signs must not make it. */
const CLAIM = /(IMAGE_URL|IMAGE_DIGEST|ARTIFACT_URI|ARTIFACT_DIGEST|ARTIFACT_OUTPUTS)$|^IMAGES$/i;

export const STEP_RULES: readonly Rule[] = [
  {
    id: 'no-script',
    why: 'a script in a manifest cannot be tested, and needs a shell in the image',
    source: 'design; tektoncd/catalog recommendations',
    kinds: STEP_KINDS,
    check: eachStep((step) => (step.script === undefined ? [] : ['has a script'])),
  },
  {
    id: 'command',
    why: 'without a command Tekton asks the registry for the entrypoint, which fails behind credentials and mirrors',
    source: 'Tekton docs/container-contract.md',
    kinds: STEP_KINDS,
    check: eachStep((step) => (step.command?.length ? [] : ['has no command'])),
  },
  {
    id: 'image',
    why: 'an image without host, with a moving tag or from a param is not the one that was reviewed',
    source: 'catlin task validator; tektoncd/catalog recommendations',
    kinds: STEP_KINDS,
    check: (manifest, { rendered }) =>
      eachStep(({ image = '' }) => {
        const { tag, digest } = IMAGE.exec(image)?.groups ?? {};
        if (tag === undefined || tag === 'latest') return [`image "${image}" must be HOST/NAME:VERSION, and not latest`];
        return rendered && digest === undefined ? [`image "${image}" is not pinned by digest`] : [];
      })(manifest),
  },
  {
    id: 'restricted',
    why: 'a namespace of level restricted refuses the Pod, and OpenShift refuses a fixed uid',
    source: 'Pod Security Standards, restricted; OpenShift restricted-v2',
    kinds: STEP_KINDS,
    check: eachStep(({ securityContext = {} }) => restrictedProblems(securityContext)),
  },
  {
    id: 'no-interpolation',
    why: 'a param that becomes part of a command or script can carry commands of its own',
    source: 'catlin task validator; tektoncd/catalog recommendations',
    kinds: STEP_KINDS,
    check: eachStep(({ command = [], args = [], script = '' }) => {
      const runsShell = command.some((word) => SHELL.test(word));
      const bare = args.filter((text) => text.startsWith('$(params.'));
      return [
        ...variablesIn([command, script, runsShell ? args : []]).map((name) => `$(${name}) stands where a shell or the choice of the program sees it`),
        ...(runsShell ? [] : bare.map((text) => `argument ${text} can be taken for a flag; write --name=${text}`)),
      ];
    }),
  },
  {
    id: 'no-secret-env',
    why: 'the environment of a container can be read with kubectl and ends up in crash reports',
    source: 'catlin task validator; CIS Kubernetes Benchmark 5.4.1',
    kinds: STEP_KINDS,
    check: eachStep(({ env = [], envFrom = [] }) => [
      ...env
        .filter(({ valueFrom }) => valueFrom !== undefined && JSON.stringify(valueFrom).includes('secretKeyRef'))
        .map(({ name }) => `env ${name} holds a secret`),
      ...envFrom.filter((source) => JSON.stringify(source).includes('secretRef')).map(() => 'envFrom takes a Secret'),
    ]),
  },
  {
    id: 'resources',
    why: 'without requests the Pod is the first to be evicted, and a CPU limit throttles a short step for nothing',
    source: 'design; tektoncd/catalog recommendations',
    kinds: ['Task'],
    check: eachStep(({ computeResources: { requests = {}, limits = {} } = {} }) => [
      ...['cpu', 'memory'].filter((name) => requests[name] === undefined).map((name) => `requests no ${name}`),
      ...(limits['memory'] === undefined ? ['has no memory limit'] : []),
      ...(limits['cpu'] === undefined ? [] : ['has a CPU limit']),
    ]),
  },
  {
    id: 'step-action-shape',
    why: 'Tekton refuses these fields in a StepAction',
    source: 'Tekton docs/stepactions.md',
    kinds: ['StepAction'],
    check: ({ resource: { spec } }) =>
      ['workspaces', 'volumes', 'volumeMounts', 'computeResources', 'steps', 'sidecars', 'timeout']
        .filter((name) => spec[name] !== undefined)
        .map((name) => `has ${name}`),
  },
  {
    id: 'chains-claims',
    why: 'Tekton Chains would sign provenance that says that this step built the artifact',
    source: 'Chains type hinting; design',
    kinds: EVERY_KIND,
    check: ({ resource }, { slots }) =>
      (resource.spec.results ?? [])
        .filter((result) => CLAIM.test(result.name.replaceAll('-', '_')) && !isRightfulClaim(result, resource, slots))
        .map(({ name }) => `result ${name} reads as the claim to have built something`),
  },
  {
    id: 'declarations',
    why: 'names are what users type, and descriptions are all that tkn and dashboards show of them',
    source: 'design; tektoncd/catalog recommendations',
    kinds: EVERY_KIND,
    check: ({ resource }, { slots }) =>
      (['params', 'workspaces', 'results'] as const).flatMap((list) =>
        (resource.spec[list] ?? []).flatMap((item) => [
          ...(KEBAB.test(item.name) || isRightfulClaim(item, resource, slots) ? [] : [`${list}: "${item.name}" is not in kebab-case`]),
          ...(/^[^\s].*[.)]$/s.test((item.description ?? '').trim()) ? [] : [`${list}: ${item.name} needs a description that ends with a full stop`]),
        ]),
      ),
  },
  {
    id: 'params-used',
    why: 'a param that nothing reads is a promise that is not kept',
    source: 'tekton-lint; design',
    kinds: EVERY_KIND,
    check: ({ resource: { metadata, spec } }, { slots }) => {
      // It shows what a slot asks for, and is never run.
      if (isPlaceholder(metadata.name, slots)) return [];
      const { params = [], description: _, ...rest } = spec;
      const used = new Set(variablesIn(rest));
      return params.filter(({ name }) => !used.has(`params.${name}`)).map(({ name }) => `param ${name} is declared and not used`);
    },
  },
];

function eachStep(check: (step: Step) => string[]): (manifest: { resource: Resource }) => string[] {
  return ({ resource }) => stepsOf(resource).flatMap((step) => check(step).map((problem) => `step ${step.name ?? '?'}: ${problem}`));
}

function restrictedProblems(context: Readonly<Record<string, unknown>>): string[] {
  const wanted = {
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };
  return [
    ...Object.entries(wanted)
      .filter(([name, value]) => JSON.stringify(context[name]) !== JSON.stringify(value))
      .map(([name, value]) => `securityContext.${name} must be ${JSON.stringify(value)}`),
    ...(context['runAsUser'] === undefined ? [] : ['securityContext.runAsUser must be left to the image and the cluster']),
  ];
}
