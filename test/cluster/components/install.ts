// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { refusedError } from '../../../lib/errors/errors.ts';
import type { Bed, Component, PeerImage } from '../bed/component.ts';
import { type Manifest, withImages } from './manifests.ts';
import { becomesTrue, isRolledOut, notReady } from './rollout.ts';

/** Objects that are applied together, once those of the stage before are served. */
export type Stage = {
  objects: readonly Manifest[];
  /** What must be true before the next stage, beside the CRDs being served. */
  until?: (bed: Bed) => Promise<boolean>;
};

export type Plan = {
  /** By the text that stands for the image in the manifests. */
  images: Readonly<Record<string, PeerImage>>;
  stages: readonly Stage[];
};

/** A peer that runs in the cluster. */
export type Installation = Pick<Component, 'name' | 'groups' | 'needs' | 'peers' | 'programs'> & {
  /** Where its Deployments are. */
  namespaces: readonly string[];
  plan(bed: Bed): Promise<Plan>;
  /** Whether it does its work, asked when the Deployments are rolled out; what it asks the API server must leave nothing behind. */
  answers(bed: Bed): Promise<boolean>;
  /** Runs whenever it has become ready, e.g. to write what others read of it into its folder. */
  afterwards?(bed: Bed): Promise<void>;
};

/** What must run for pods to run, whose images come from the bed's registry. */
export const CLUSTER = ['kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'registry'] as const;

/** After a restart of the machine's daemons the pods need this long to come back; only then is everything applied once more. */
const comeBackMs = 45_000;
const readyTimeoutMs = 300_000;
const establishMs = 60_000;

/**
 * The component that installs a peer into the cluster: composes its images, applies its stages, waits until it answers. What was applied is kept as a
 * digest in a ConfigMap of kube-system, so a further `up` applies nothing. Its `up` throws StepError `APPLY_REFUSED`, `IMAGE_UNKNOWN`, `IMAGE_UNUSED`,
 * `PEER_NOT_READY` and those of `ensurePeer`.
 */
export function installation({ namespaces, plan, answers, afterwards, ...rest }: Installation): Component {
  const { name } = rest;
  const isReady = async (bed: Bed): Promise<boolean> => (await isRolledOut(bed, namespaces)) && (await answers(bed));
  return {
    ...rest,
    daemons: [],
    isReady,
    async up(bed) {
      const planned = await plan(bed);
      const hasComeBack = (await isApplied(bed, name, planned)) && (await becomesTrue(() => isReady(bed), comeBackMs));
      if (!hasComeBack) {
        await applyPlan(bed, name, planned);
        if (!(await becomesTrue(() => isReady(bed), readyTimeoutMs))) throw await notReady(bed, name, namespaces);
      }
      await afterwards?.(bed);
    },
  };
}

/** Whether exactly this was applied last, and its images are in the registry; those that are not are pushed. */
export async function isApplied(bed: Bed, name: string, { images, stages }: Plan): Promise<boolean> {
  await compose(bed, images);
  return (await recorded(bed, name)) === fingerprintOf(images, stages);
}

/** Applies the stages one after another and notes that it did. Throws StepError `APPLY_REFUSED`, `IMAGE_UNKNOWN`, `IMAGE_UNUSED`, `PEER_NOT_READY`. */
export async function applyPlan(bed: Bed, name: string, { images, stages }: Plan): Promise<void> {
  await applyStages(bed, name, stages, await compose(bed, images));
  await record(bed, name, fingerprintOf(images, stages));
}

/** Of what is applied and which files its images have: the path of a peer's binary holds the key of its build. */
function fingerprintOf(images: Plan['images'], stages: readonly Stage[]): string {
  return createHash('sha256')
    .update(JSON.stringify([images, stages.map(({ objects }) => objects)]))
    .digest('hex');
}

async function compose(bed: Bed, images: Plan['images']): Promise<Record<string, string>> {
  const references: Record<string, string> = {};
  // One after the other: each holds a layer of tens of megabytes in memory.
  for (const [text, image] of Object.entries(images)) references[text] = await bed.image(image);
  return references;
}

async function applyStages(bed: Bed, name: string, stages: readonly Stage[], references: Readonly<Record<string, string>>): Promise<void> {
  const ready = withImages(
    stages.flatMap(({ objects }) => objects),
    references,
  );
  for (const { objects, until } of stages) {
    const own = ready.splice(0, objects.length);
    await bed.apply(own);
    const crds = own.filter(({ kind }) => kind === 'CustomResourceDefinition').map(({ metadata }) => `crd/${metadata.name}`);
    if (crds.length > 0) await established(bed, crds);
    if (until && !(await becomesTrue(() => until(bed), readyTimeoutMs))) throw await notReady(bed, name, namespacesOf(own));
  }
}

/** kubectl gives up at once on a CRD that has no conditions yet, so it is asked again. */
async function established(bed: Bed, crds: readonly string[]): Promise<void> {
  let said = '';
  const areServed = async (): Promise<boolean> => {
    const { code, stderr } = await bed.kubectl(['wait', '--for=condition=Established', '--timeout=20s', ...crds]);
    said = stderr.trim();
    return code === 0;
  };
  if (!(await becomesTrue(areServed, establishMs))) throw refusedError('APPLY_REFUSED', `CRDs are not served: ${said}`);
}

function namespacesOf(objects: readonly Manifest[]): string[] {
  return [...new Set(objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.namespace ?? 'default'))];
}

const recordName = (name: string): string => `bed-installed-${name}`;

async function recorded(bed: Bed, name: string): Promise<string | undefined> {
  const { code, stdout } = await bed.kubectl(['get', '--raw', `/api/v1/namespaces/kube-system/configmaps/${recordName(name)}`]);
  return code === 0 ? (JSON.parse(stdout) as { data?: { fingerprint?: string } }).data?.fingerprint : undefined;
}

function record(bed: Bed, name: string, fingerprint: string): Promise<void> {
  const metadata = { name: recordName(name), namespace: 'kube-system' };
  return bed.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { fingerprint } }]);
}
