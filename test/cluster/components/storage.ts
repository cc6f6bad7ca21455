// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { refusedError } from '../../../lib/errors/errors.ts';
import type { Bed, Component } from '../bed/component.ts';

const CLASS = 'bed';
/** More than the scenarios of one run claim; unused ones cost nothing. */
const VOLUMES = 40;

/**
 * The default StorageClass without a provisioner: volumes made in advance, each a folder of this machine that any user can write, since `fsGroup` does not
 * reach such volumes. A volume whose claim has gone is emptied and offered anew by the next `up`, or by `recycleVolumes`.
 */
export const storage: Component = {
  name: 'storage',
  groups: ['kubernetes'],
  needs: ['kube-controller-manager'],
  daemons: [],
  async up(bed) {
    await recycleVolumes(bed);
  },
  isReady: async (bed) => (await bed.kubectl(['get', 'storageclass', CLASS])).code === 0 && (await phases(bed)).size === VOLUMES,
};

/** Makes the volumes that are missing, and those anew whose claim has gone. Throws StepError `APPLY_REFUSED`. */
export async function recycleVolumes(bed: Bed): Promise<void> {
  const found = await phases(bed);
  const spent = [...found].filter(([, phase]) => phase === 'Released' || phase === 'Failed').map(([name]) => name);
  if (spent.length > 0) {
    const { code, stderr } = await bed.kubectl(['delete', 'persistentvolume', ...spent, '--wait']);
    if (code !== 0) throw refusedError('APPLY_REFUSED', `spent volumes cannot be deleted: ${stderr.trim()}`);
  }
  const names = Array.from({ length: VOLUMES }, (_none, index) => `volume-${String(index + 1).padStart(2, '0')}`);
  const missing = names.filter((name) => !found.has(name) || spent.includes(name));
  if (missing.length === 0) return;
  const folder = await bed.dir('volumes');
  for (const name of missing) await emptyFolder(join(folder, name));
  await bed.apply([storageClass, ...missing.map((name) => volume(name, join(folder, name)))]);
}

async function phases(bed: Bed): Promise<Map<string, string>> {
  const path = 'jsonpath={range .items[*]}{.metadata.name} {.status.phase}{"\\n"}{end}';
  const { code, stdout, stderr } = await bed.kubectl(['get', 'persistentvolumes', '-o', path]);
  if (code !== 0) throw refusedError('APPLY_REFUSED', `volumes cannot be listed: ${stderr.trim()}`);
  const lines = stdout.split('\n').filter((line) => line.startsWith('volume-'));
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}

async function emptyFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o1777);
}

const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'kubernetes.io/no-provisioner',
  volumeBindingMode: 'Immediate',
  reclaimPolicy: 'Retain',
};

function volume(name: string, path: string): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      storageClassName: CLASS,
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path, type: 'Directory' },
    },
  };
}
