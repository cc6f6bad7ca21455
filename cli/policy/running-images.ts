// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { StepError } from '../../lib/errors/errors.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/resource.ts';
import { isDigest } from '../../lib/reference/digest.ts';
import { type DigestReference, parseReference } from '../../lib/reference/reference.ts';

/** A container of the cluster: `image` as its pod names it, and the artifact that runs, or why nobody can say which one it is. */
export type RunningImage = {
  namespace: string;
  /** `Deployment/app`, `Pod/alone`. */
  workload: string;
  container: string;
  kind: 'container' | 'init' | 'ephemeral';
  image: string;
  found: { reference: DigestReference } | { problem: string };
};

const PODS = { group: '', version: 'v1', plural: 'pods' };
const ENDED = ['Succeeded', 'Failed'];

const Container = z.object({ name: z.string(), image: z.string() });
const Status = z.object({ name: z.string(), imageID: z.string().default('') });
const Pod = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()).optional(),
    ownerReferences: z.array(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().optional() })).optional(),
  }),
  spec: z.object({ containers: z.array(Container), initContainers: z.array(Container).default([]), ephemeralContainers: z.array(Container).default([]) }),
  status: z
    .object({
      phase: z.string().optional(),
      containerStatuses: z.array(Status).default([]),
      initContainerStatuses: z.array(Status).default([]),
      ephemeralContainerStatuses: z.array(Status).default([]),
    })
    .prefault({}),
});
type Pod = z.output<typeof Pod>;

/**
 * The containers of all pods that have not ended, init and ephemeral ones too, each once for a workload and artifact: pods are what every kind of workload comes to. Throws what the API server answers.
 */
export async function listRunningImages(client: KubeClient, namespace: string | undefined): Promise<RunningImage[]> {
  const { items } = await client.list(PODS, { namespace, select: slim });
  const all = new Map<string, RunningImage>();
  for (const item of items) for (const one of imagesOf(item)) all.set(JSON.stringify(one), one);
  return [...all.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Only what is read of a pod stays in memory. */
function slim(object: KubeObject): KubeObject | undefined {
  const parsed = Pod.safeParse(object);
  if (!parsed.success) return { metadata: object.metadata };
  return ENDED.includes(parsed.data.status.phase ?? '') ? undefined : (parsed.data as unknown as KubeObject);
}

function imagesOf(item: KubeObject): RunningImage[] {
  const { data: pod } = Pod.safeParse(item);
  const { name, namespace = '' } = item.metadata;
  if (pod === undefined)
    return [
      { namespace, workload: `Pod/${name}`, container: '', kind: 'container', image: '', found: { problem: 'the pod does not have the shape of a pod' } },
    ];
  const { spec, status } = pod;
  const groups = [
    ['container', spec.containers, status.containerStatuses],
    ['init', spec.initContainers, status.initContainerStatuses],
    ['ephemeral', spec.ephemeralContainers, status.ephemeralContainerStatuses],
  ] as const;
  return groups.flatMap(([kind, containers, statuses]) =>
    containers.map(({ name: container, image }) => {
      const imageId = statuses.find((one) => one.name === container)?.imageID ?? '';
      return { namespace, workload: workloadOf(pod), container, kind, image, found: artifactOf(image, imageId) };
    }),
  );
}

/** The controller of the pod; a ReplicaSet of a Deployment is named after it and the hash of its template (Kubernetes, "Deployments", pod-template-hash label). */
function workloadOf({ metadata: { name, labels = {}, ownerReferences = [] } }: Pod): string {
  const owner = ownerReferences.find(({ controller }) => controller) ?? ownerReferences[0];
  if (owner === undefined) return `Pod/${name}`;
  const hash = `-${labels['pod-template-hash'] ?? ''}`;
  if (owner.kind === 'ReplicaSet' && hash.length > 1 && owner.name.endsWith(hash)) return `Deployment/${owner.name.slice(0, -hash.length)}`;
  return `${owner.kind}/${owner.name}`;
}

/**
 * Repository and digest of what runs. The repository is that of the pod, where admission looks as well: a runtime that pulled the same content twice reports either name. A digest in the
 * pod goes before the one that the runtime reports, which may be that of the platform's manifest inside an index.
 */
function artifactOf(image: string, imageId: string): RunningImage['found'] {
  try {
    const named = parseReference(image);
    const digest = named.digest ?? /(?:^|@|:\/\/)(sha256:[0-9a-f]{64})$/.exec(imageId)?.[1];
    if (digest === undefined || !isDigest(digest))
      return { problem: imageId === '' ? 'it has not been pulled yet, so that no digest is known' : 'the runtime reports no digest for it' };
    // A bare digest is that of a config or of an image that was loaded by hand; no registry knows it.
    if (named.digest === undefined && !imageId.includes('@')) return { problem: 'the runtime did not pull it from a registry' };
    return { reference: { ...named, digest } };
  } catch (error) {
    if (error instanceof StepError) return { problem: error.message };
    throw error;
  }
}

function keyOf({ namespace, workload, kind, container, image }: RunningImage): string {
  return [namespace, workload, kind, container, image].join('\0');
}
