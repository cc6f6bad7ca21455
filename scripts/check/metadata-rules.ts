// SPDX-License-Identifier: Apache-2.0
import { folderOf, type Manifest } from './manifest.ts';
import { EVERY_KIND, type Rule } from './rule.ts';

const CATEGORIES = new Set([
  ...['Automation', 'Build Tools', 'CLI', 'Cloud', 'Code Quality', 'Continuous Integration', 'Deployment', 'Developer Tools', 'Image Build'],
  ...['Integration & Delivery', 'Git', 'Kubernetes', 'Messaging', 'Monitoring', 'Networking', 'Openshift', 'Publishing', 'Security', 'Storage', 'Testing'],
]);
const HUB_CATEGORIES = new Set([
  ...['ai-machine-learning', 'database', 'integration-delivery', 'monitoring-logging', 'networking', 'security', 'storage', 'streaming-messaging'],
]);
const SEMVER = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const MAX_LINES = { Task: 150, StepAction: 150, Pipeline: 250 };
/** Those that may be longer, each with its own limit and a decision that says why (docs/decisions). */
const LONGER: Readonly<Record<string, number>> = {
  'argocd-sync': 170,
  'cosign-sign': 175,
  'policy-check': 230,
  'secure-image': 330,
  'release-image': 265,
  deliver: 510,
};

export const METADATA_RULES: readonly Rule[] = [
  {
    id: 'version-label',
    why: 'the git tag is the version of the whole catalog, and Artifact Hub drops a resource whose label says another one',
    source: 'TEP-0115; catlin content validator; Artifact Hub tekton tracker',
    kinds: EVERY_KIND,
    check: ({ resource }, { version }) => {
      const label = resource.metadata.labels?.['app.kubernetes.io/version'];
      if (label === undefined) return ['has no label app.kubernetes.io/version'];
      if (!SEMVER.test(label)) return [`label app.kubernetes.io/version "${label}" is no semantic version`];
      return label === version ? [] : [`label app.kubernetes.io/version is ${label}, package.json says ${version}`];
    },
  },
  {
    id: 'min-version',
    why: 'an older Tekton would take the resource and fail while it runs',
    source: 'catlin content validator',
    kinds: EVERY_KIND,
    check: (manifest) => matching(manifest, 'tekton.dev/pipelines.minVersion', SEMVER),
  },
  {
    id: 'description',
    why: 'hubs drop a resource without one',
    source: 'catlin content validator; Artifact Hub tekton tracker',
    kinds: EVERY_KIND,
    check: ({ resource }) => ((resource.spec.description ?? '').trim().length >= 20 ? [] : ['spec.description must say in a sentence what it does']),
  },
  {
    id: 'categories',
    why: 'hubs file a resource under a fixed list of categories and refuse others',
    source: 'catlin content validator; Artifact Hub tekton tracker',
    kinds: EVERY_KIND,
    check: ({ resource: { metadata } }) => {
      const own = (metadata.annotations?.['tekton.dev/categories'] ?? '').split(',').map((name) => name.trim());
      const hub = metadata.annotations?.['artifacthub.io/category'] ?? '';
      return [
        ...own.filter((name) => !CATEGORIES.has(name)).map((name) => `annotation tekton.dev/categories: "${name}" is no category of the catalog`),
        ...(HUB_CATEGORIES.has(hub) ? [] : [`annotation artifacthub.io/category: "${hub}" is no category of Artifact Hub`]),
      ];
    },
  },
  {
    id: 'display-name',
    why: 'lists in hubs and dashboards show it in place of the name',
    source: 'catlin content validator (recommended)',
    kinds: EVERY_KIND,
    check: (manifest) => matching(manifest, 'tekton.dev/displayName', /^\S.{2,98}\S$/),
  },
  {
    id: 'tags',
    why: 'the search of hubs looks at them',
    source: 'catlin content validator (recommended)',
    kinds: EVERY_KIND,
    check: (manifest) => matching(manifest, 'tekton.dev/tags', /^[a-z0-9-]+(, ?[a-z0-9-]+)*$/),
  },
  {
    id: 'platforms',
    why: 'catlin reads only os/architecture without a variant',
    source: 'catlin content validator',
    kinds: EVERY_KIND,
    check: (manifest) => matching(manifest, 'tekton.dev/platforms', /^[a-z0-9]+\/[a-z0-9]+(,[a-z0-9]+\/[a-z0-9]+)*$/),
  },
  {
    id: 'file-name',
    why: 'hubs look for task/<name>/<name>.yaml, and an install command has to be guessable',
    source: 'Artifact Hub tekton tracker; TEP-0115',
    kinds: EVERY_KIND,
    check: ({ path, resource: { kind, metadata } }) => {
      const expected = `${kind.toLowerCase()}/${metadata.name}/${metadata.name}.yaml`;
      return path === expected ? [] : [`the ${kind} ${metadata.name} must be the file ${expected}`];
    },
  },
  {
    id: 'samples',
    why: 'a sample is what most people read first, and hubs show it',
    source: 'tektoncd/catalog recommendations; Artifact Hub tekton tracker',
    kinds: ['Task', 'Pipeline'],
    check: ({ path }, { samples }) => (samples.get(folderOf(path))?.length ? [] : [`${folderOf(path)}/samples holds no manifest`]),
  },
  {
    id: 'line-limit',
    why: 'an admin has to be able to read the whole manifest before it is installed',
    source: 'design',
    kinds: EVERY_KIND,
    check: ({ text, resource: { kind, metadata } }) => {
      const lines = text.trimEnd().split('\n').length;
      const limit = LONGER[metadata.name ?? ''] ?? MAX_LINES[kind as keyof typeof MAX_LINES];
      return lines <= limit ? [] : [`has ${lines} lines, more than ${limit}`];
    },
  },
];

function matching({ resource }: Manifest, annotation: string, pattern: RegExp): string[] {
  const value = resource.metadata.annotations?.[annotation];
  if (value === undefined) return [`has no annotation ${annotation}`];
  return pattern.test(value) ? [] : [`annotation ${annotation}: "${value}" does not match ${pattern.source}`];
}
