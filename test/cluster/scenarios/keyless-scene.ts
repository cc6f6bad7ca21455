// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { apiServerUrl } from '../components/cluster-pki.ts';
import { AUDIENCE } from '../components/sigstore/endpoints.ts';
import { trustFiles } from '../components/sigstore/trust-files.ts';
import { installCatalog, openSuite, type Suite } from './suite.ts';
import { createTeam, deleteTeam, NEW_VOLUME, RUN_ACCOUNT, type Team } from './team.ts';

/** A service account of the namespace that may run, and that the policy does not name. */
export const STRANGER = 'stranger';

/** A team that has no key: who it is, the cluster says in the tokens of its pods. */
export type KeylessScene = {
  suite: Suite;
  team: Team;
  /** Issuer of the tokens of service accounts. */
  issuer: string;
  /** Name in the certificate of a service account of the team. */
  subjectOf(account: string): string;
  /** secure-image, with Rekor v2 (`later`) or Rekor v1, which is not logged to later. */
  secureRun(image: string, log: 'v2' | 'v1'): object;
  /** cosign-sign and then policy-check, which publishes its summary, in one pod of this account. */
  signAndJudgeRun(image: string, account: string): object;
  /** policy-check alone, which publishes nothing. */
  judgeRun(image: string): object;
  /** cosign-sign alone, within five seconds. */
  signRun(image: string): object;
  close(): Promise<void>;
};

const TOKEN = { projected: { sources: [{ serviceAccountToken: { audience: AUDIENCE, expirationSeconds: 600, path: 'oidc-token' } }] } };
const TRUST = { name: 'trust', configMap: { name: 'keyless-trust' } };
const POLICY = { name: 'policy', configMap: { name: 'keyless-policy' } };
const IDENTITY = { name: 'identity-token', ...TOKEN };

export async function openKeylessScene(): Promise<KeylessScene> {
  const suite = await openSuite();
  const { bed } = suite;
  const issuer = apiServerUrl(bed);
  const team = await createTeam(bed, { name: 'keyless', trustedRoot: suite.trustedRoot, policy: '' });
  const { namespace } = team;
  const subjectOf = (account: string): string => `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${account}`;
  await bed.apply([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: STRANGER, namespace }, automountServiceAccountToken: false },
    configMap('keyless-policy', namespace, { 'policy.yaml': policyOf(issuer, subjectOf(RUN_ACCOUNT)) }),
    configMap('keyless-trust', namespace, await trustOf(suite)),
  ]);
  await installCatalog(suite, namespace);
  const taskRun = (task: string, params: Record<string, string>, workspaces: object[]): object => ({
    apiVersion: 'tekton.dev/v1',
    kind: 'TaskRun',
    metadata: { generateName: `${task}-`, namespace },
    spec: { serviceAccountName: RUN_ACCOUNT, taskRef: { name: task }, params: paramsOf({ ...common(suite), ...params }), workspaces },
  });
  return {
    suite,
    team,
    issuer,
    subjectOf,
    secureRun: (image, log) => secureRun(suite, namespace, image, log),
    signAndJudgeRun: (image, account) => signAndJudgeRun(suite, namespace, image, account),
    judgeRun: (image) => taskRun('policy-check', { image }, [TRUST, POLICY]),
    signRun: (image) => taskRun('cosign-sign', { image, 'signing-config': 'v2.json', timeout: '5s' }, [TRUST, IDENTITY]),
    close: () => deleteTeam(bed, team),
  };
}

function policyOf(issuer: string, subject: string): string {
  return `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata:
  name: keyless
signers:
  - name: runs
    identity: {issuer: "${issuer}", subject: "${subject}"}
rules:
  - {id: signed, type: signature, signers: {any: [runs]}}
  - {id: logged, type: log-entry, for: [signature, cyclonedx], signers: {any: [runs]}}
  - {id: sbom, type: sbom, signers: {any: [runs]}, requireComplete: true, minComponents: 1}
`;
}

async function trustOf({ bed, trustedRoot }: Suite): Promise<Record<string, string>> {
  const { signingConfig, signingConfigV1 } = trustFiles(bed.root);
  return { 'trusted_root.json': trustedRoot, 'v2.json': await readFile(signingConfig, 'utf8'), 'v1.json': await readFile(signingConfigV1, 'utf8') };
}

function common({ insecure }: Suite): Record<string, string> {
  return { 'insecure-registries': insecure, 'trusted-root': 'trusted_root.json' };
}

function secureRun(suite: Suite, namespace: string, image: string, log: 'v2' | 'v1'): object {
  const rekor: Record<string, string> = log === 'v2' ? { 'rekor-url': suite.rekorUrl, 'rekor-read-url': suite.rekorReadUrl } : { log: 'now' };
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: { generateName: `keyless-${log}-`, namespace },
    spec: {
      pipelineRef: { name: 'secure-image' },
      params: paramsOf({ image, 'insecure-registries': suite.insecure, 'signing-config': `${log}.json`, ...rekor }),
      taskRunTemplate: { serviceAccountName: RUN_ACCOUNT, podTemplate: { securityContext: { fsGroup: 65532 } } },
      workspaces: [{ name: 'reports', ...NEW_VOLUME }, { name: 'checkpoints', ...NEW_VOLUME }, TRUST, POLICY, IDENTITY],
    },
  };
}

function signAndJudgeRun(suite: Suite, namespace: string, image: string, account: string): object {
  const keyless = {
    'signing-config': 'v2.json',
    'identity-token-path': '$(workspaces.identity-token.path)',
    'trust-path': '$(workspaces.trust.path)',
  };
  const step = (name: string, own: Record<string, string>): object => ({
    name,
    ref: { name },
    params: paramsOf({ image, ...common(suite), ...keyless, ...own }),
  });
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'TaskRun',
    metadata: { generateName: 'sign-and-judge-', namespace },
    spec: {
      serviceAccountName: account,
      workspaces: [TRUST, POLICY, IDENTITY],
      taskSpec: {
        workspaces: [TRUST, POLICY, IDENTITY].map(({ name }) => ({ name })),
        results: [{ name: 'signature', value: '$(steps.cosign-sign.results.action)' }],
        steps: [step('cosign-sign', {}), step('policy-check', { 'policy-path': '$(workspaces.policy.path)' })],
      },
    },
  };
}

function configMap(name: string, namespace: string, data: Record<string, string>): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

function paramsOf(values: Readonly<Record<string, string>>): object[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
