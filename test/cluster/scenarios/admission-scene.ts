// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { transientError } from '../../../lib/errors/errors.ts';
import { ensureBundles } from '../../step/bundles.ts';
import { type Evidence, type Maker, openMaker } from './admission-images.ts';
import { type Guide, LABEL, openGuide, PROVIDER } from './admission-install.ts';
import { create, workload } from './admission-objects.ts';
import { type ApiClient, openApiClient } from './api-client.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { kubectl } from './install-as-admin.ts';
import { openSuite, type Suite } from './suite.ts';
import { deleteTeam } from './team.ts';

/** By name, what is true of it. */
const IMAGES = {
  app: {},
  tool: {},
  third: {},
  flipped: {},
  unsigned: { signature: 'none' },
  stranger: { signature: 'stranger' },
  unlogged: { signature: 'unlogged' },
  bare: { sbom: false },
  critical: { scan: 'critical' },
  waived: { scan: 'waived' },
  unapproved: { approved: false },
} as const satisfies Record<string, Evidence>;
export type ImageName = keyof typeof IMAGES | 'thief' | 'tampered';

export type AdmissionScene = {
  suite: Suite;
  api: ApiClient;
  guide: Guide;
  maker: Maker;
  images: Record<ImageName, string>;
  /** The registry of the bed under another name, with faults. */
  proxy: FaultProxy;
  /** Looked at by the constraints. */
  namespace: string;
  /** The same, but since Deployments `flipped` and `unsigned` ran there. */
  older: string;
  /** Looked at by nothing. */
  free: string;
  /** The verdict about `flipped` before the scan that found something. */
  flippedBefore: string;
  /** The same image by another name, which Gatekeeper has not kept an answer about. */
  fresh(image: string): string;
  close(): Promise<void>;
};

/** Installs the provider by its README, constraints at `dryrun`, and has images made meanwhile. There is one provider a cluster, so this is for one at a time. */
export async function openAdmissionScene(): Promise<AdmissionScene> {
  const suite = await openSuite();
  const { bed } = suite;
  const undo: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    const ends = [];
    for (const step of undo.toReversed()) ends.push(...(await Promise.allSettled([step()])));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  };
  try {
    await ensureBundles();
    const root = await mkdtemp(join(tmpdir(), 'admission-'));
    undo.push(() => rm(root, { recursive: true, force: true }));
    const scope = `admission-${randomBytes(3).toString('hex')}`;
    const [namespace, older, free] = [scope, `${scope}-older`, `${scope}-free`];
    const proxy = await startFaultProxy(bed.node, `http://${suite.registry}`);
    undo.push(proxy.close);
    const api = await openApiClient(suite.kubeconfig);
    undo.push(async () => api.close());
    const maker = await openMaker(suite, root, scope);
    const files = ['policy/policy.yaml', 'policy/cosign.pub', 'trust/trusted_root.json'].map((file) => join(root, file));
    const guide = await openGuide(suite, { folder: join(root, 'admin'), scope, insecure: [suite.registry, proxy.host], files });
    await removeLeftOver(suite, guide);
    undo.push(() => guide.remove());
    await bed.apply([namespaceOf(namespace, scope), namespaceOf(older), namespaceOf(free)]);
    for (const name of [namespace, older, free]) undo.push(() => deleteTeam(bed, { namespace: name }));
    const [images] = await Promise.all([makeImages(maker), guide.run('mounts', 'certificate', 'secret', 'service', 'policies', 'approval', 'mutation')]);
    const flippedBefore = await letFlip({ suite, api, maker, images, older, scope });
    let asked = 0;
    return {
      ...{ suite, api, guide, maker, images, proxy, namespace, older, free, flippedBefore, close },
      fresh: (image) => image.replace('@', `:fresh-${asked++}@`),
    };
  } catch (error) {
    const { stdout } = await bed.kubectl(['logs', '-n', PROVIDER, '-l', `app.kubernetes.io/name=${PROVIDER}`, '--tail=20']);
    bed.log(`the provider says:\n${stdout}`);
    await close().catch((left) => bed.log(String(left)));
    throw error;
  }
}

/** What a killed run has left: there can be only one installation. */
async function removeLeftOver({ bed }: Suite, guide: Guide): Promise<void> {
  const { code } = await bed.kubectl(['get', 'namespace', PROVIDER]);
  if (code !== 0) return;
  bed.log('removing a provider that an earlier run has left');
  await guide.remove();
}

function namespaceOf(name: string, scope?: string): object {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', 'supply-chain-scenario': 'true', ...(scope && { [LABEL]: scope }) };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** Three at a time, which is what two cores and a log that waits for others to fill its tile do well. */
async function makeImages(maker: Maker): Promise<Record<ImageName, string>> {
  const left = Object.entries(IMAGES) as [ImageName, Evidence][];
  const made: [ImageName, string][] = [];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) made.push([next[0], await maker.image(...next)]);
  };
  await Promise.all([worker(), worker(), worker()]);
  const images = Object.fromEntries(made) as Record<ImageName, string>;
  const [thief, tampered] = await Promise.all([maker.thief('thief', images.app), maker.tampered('tampered', images.app)]);
  return { ...images, thief, tampered };
}

type Flipping = { suite: Suite; api: ApiClient; maker: Maker; images: Record<ImageName, string>; older: string; scope: string };

/** Has a good and an unsigned image run in a namespace that nothing looks at; then a scan finds something in the good one, and the constraints look at the namespace. */
async function letFlip({ suite, api, maker, images, older, scope }: Flipping): Promise<string> {
  const { bed } = suite;
  for (const name of ['flipped', 'unsigned'] as const) {
    const { status, message } = await create(api, workload({ kind: 'Deployment', name, namespace: older, images: [images[name]] }));
    if (status !== 201) throw transientError('DEPLOYMENT_REFUSED', `${name}: ${message}`);
  }
  const { outcome } = await maker.check(images.flipped);
  await maker.findCritical(images.flipped);
  await kubectl(bed, ['wait', '--for=condition=Available', 'deployment/flipped', 'deployment/unsigned', '-n', older, '--timeout=60s']);
  await kubectl(bed, ['label', 'namespace', older, `${LABEL}=${scope}`]);
  return outcome;
}

/** Asks until it is so. Throws StepError `GATEKEEPER_LATE` that tells what was asked, and the last answer. */
export async function until(what: string, isSo: () => Promise<true | string>, seconds = 30): Promise<void> {
  let last: true | string = '';
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await delay(200)) {
    last = await isSo();
    if (last === true) return;
  }
  throw transientError('GATEKEEPER_LATE', `not after ${seconds} s: ${what}; last: ${last}`);
}
