// SPDX-License-Identifier: Apache-2.0
import type { Suite } from './suite.ts';
import { NEW_VOLUME, RUN_ACCOUNT, type Team } from './team.ts';

/** Judges what `secure-image` makes of an image with one npm package. */
export const SECURE_POLICY = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata:
  name: secure
signers:
  - name: release
    key: {file: cosign.pub}
rules:
  - {id: signed, type: signature, signers: {any: [release]}}
  - {id: logged, type: log-entry, for: [signature, cyclonedx], signers: {any: [release]}}
  - {id: sbom, type: sbom, signers: {any: [release]}, requireComplete: true, minComponents: 1}
`;

/** An image and the namespace that secures it. */
export type Securing = { suite: Suite; team: Team; image: string };
type Param = { name: string; value: string };

/** Where image, log and registry are, as Pipeline and fused Task both take it. */
function placesOf({ suite, image }: Securing): Record<string, string> {
  return { image, 'rekor-url': suite.rekorUrl, 'rekor-read-url': suite.rekorReadUrl, 'insecure-registries': suite.insecure };
}

/** The workspaces of a run that the objects of a team fill. */
export const TEAM_WORKSPACES = [
  { name: 'signing-key', secret: { secretName: 'signing-key' } },
  { name: 'policy', configMap: { name: 'policy' } },
  { name: 'trust', configMap: { name: 'trust' } },
];

/** A run of the Pipeline secure-image with its defaults, as the sample beside it writes one. */
export function secureImageRun(securing: Securing): object {
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: { generateName: 'secure-image-', namespace: securing.team.namespace },
    spec: {
      pipelineRef: { name: 'secure-image' },
      params: params(placesOf(securing)),
      taskRunTemplate: { serviceAccountName: RUN_ACCOUNT, podTemplate: { securityContext: { fsGroup: 65532 } } },
      workspaces: [{ name: 'reports', ...NEW_VOLUME }, ...TEAM_WORKSPACES],
    },
  };
}

/**
 * The same steps as StepActions in one Pod, as an author writes it by their READMEs: files go through an `emptyDir`, results from step to step, and no claim
 * and no scheduling stands between them.
 */
export function fusedRun(securing: Securing): object {
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'TaskRun',
    metadata: { generateName: 'fused-', namespace: securing.team.namespace },
    spec: {
      serviceAccountName: RUN_ACCOUNT,
      params: params(placesOf(securing)),
      workspaces: [{ name: 'reports', emptyDir: {} }, ...TEAM_WORKSPACES],
      taskSpec: {
        params: Object.keys(placesOf(securing)).map((name) => ({ name })),
        workspaces: ['reports', 'signing-key', 'policy', 'trust'].map((name) => ({ name })),
        results: RESULTS.map(([name, value]) => ({ name, value })),
        steps: STEPS.map(([name, action, own]) => ({
          name,
          ref: { name: action },
          params: params({ image: '$(params.image)', 'insecure-registries': '$(params.insecure-registries)', ...own }),
          computeResources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '512Mi' } },
        })),
      },
    },
  };
}

const TRUST = { 'trusted-root': 'trusted_root.json', 'trust-path': '$(workspaces.trust.path)' };
const LOG = { 'rekor-url': '$(params.rekor-url)', 'rekor-read-url': '$(params.rekor-read-url)', ...TRUST };
const KEY = { log: 'later', 'signing-key-path': '$(workspaces.signing-key.path)', ...TRUST };
const REPORTS = { 'reports-path': '$(workspaces.reports.path)' };
const SBOM = {
  predicate: '$(steps.sbom.results.sbom-path)',
  'predicate-digest': '$(steps.sbom.results.sbom-digest)',
  'predicate-type': 'cyclonedx',
};

const STEPS: [name: string, action: string, params: Record<string, string>][] = [
  ['sbom', 'sbom-generate', REPORTS],
  ['sign', 'cosign-sign', KEY],
  ['attest-sbom', 'cosign-sign', { ...KEY, ...REPORTS, ...SBOM }],
  ['log', 'rekor-upload', LOG],
  ['verdict', 'policy-check', { ...KEY, ...REPORTS, 'policy-path': '$(workspaces.policy.path)' }],
  ['seal', 'rekor-upload', LOG],
];

const RESULTS = [
  ['subject', '$(steps.verdict.results.subject)'],
  ['verdict', '$(steps.verdict.results.verdict)'],
  ['components', '$(steps.sbom.results.components)'],
  ['signature', '$(steps.sign.results.action)'],
  ['completed', '$(steps.log.results.completed)'],
  ['vsa-digest', '$(steps.verdict.results.vsa-digest)'],
] as const;

function params(values: Readonly<Record<string, string>>): Param[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
