// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { generateCosignKey } from '../../../lib/sigstore/cosign-key.ts';
import { type Cluster, getJson } from './tekton-run.ts';

/** A namespace as a team gets it: `restricted`, a service account without any right for runs, key, policy and trust. */
export type Team = { namespace: string; publicKey: string };

export type TeamOptions = {
  /** Prefix of the namespace. */
  name: string;
  /** Sigstore trusted root (JSON). */
  trustedRoot: string;
  /** PEM certificates of private CAs, as the file ca.crt of the ConfigMap `trust`. */
  ca?: string;
  /** policy.yaml; may name the key file cosign.pub. */
  policy: string;
};

/** On all that a scenario makes outside of its namespaces, and on these. */
export const SCENARIO_LABEL = { 'supply-chain-scenario': 'true' } as const;

export const RUN_ACCOUNT = 'runs';

/** Makes the namespace and everything in it that the samples of the catalog refer to. */
export async function createTeam(cluster: Cluster, { name, trustedRoot, ca, policy }: TeamOptions): Promise<Team> {
  const namespace = `${name}-${randomBytes(3).toString('hex')}`;
  const password = randomBytes(24).toString('base64url');
  const { privatePem, publicPem } = await generateCosignKey(password);
  const inside = { namespace };
  await cluster.apply([
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', ...SCENARIO_LABEL } },
    },
  ]);
  await cluster.apply([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...inside, name: RUN_ACCOUNT }, automountServiceAccountToken: false },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...inside, name: 'signing-key' },
      stringData: { 'cosign.key': privatePem, 'cosign.password': password },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...inside, name: 'trust' },
      data: { 'trusted_root.json': trustedRoot, ...(ca !== undefined && { 'ca.crt': ca }) },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...inside, name: 'policy' }, data: { 'policy.yaml': policy, 'cosign.pub': publicPem } },
  ]);
  return { namespace, publicKey: publicPem };
}

const OLD_MS = 60 * 60_000;

type Listed = { items: { kind: string; metadata: { name: string; namespace?: string; creationTimestamp: string } }[] };

/** Deletes what a killed run has left, and nothing that a run beside this one may be using; does not wait for its end. */
export async function deleteOldTeams(cluster: Cluster): Promise<void> {
  const kinds = 'namespaces,applications.argoproj.io,appprojects.argoproj.io';
  const { items } = await getJson<Listed>(cluster, [kinds, '-A', '-l', Object.entries(SCENARIO_LABEL).flat().join('=')]);
  for (const { kind, metadata } of items) {
    if (Date.now() - Date.parse(metadata.creationTimestamp) < OLD_MS) continue;
    const place = metadata.namespace === undefined ? [] : ['-n', metadata.namespace];
    await cluster.kubectl(['delete', kind, metadata.name, ...place, '--wait=false', '--ignore-not-found']);
  }
}

/** Deletes the namespace; does not wait for its end. */
export async function deleteTeam(cluster: Cluster, { namespace }: Pick<Team, 'namespace'>): Promise<void> {
  await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
}

/** A claim of the default storage class, as a PipelineRun writes it. */
export const NEW_VOLUME = { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100Mi' } } } } } as const;
