// SPDX-License-Identifier: Apache-2.0
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { PROVIDER } from './admission-install.ts';
import { pathOf } from './admission-objects.ts';
import { type AdmissionScene, until } from './admission-scene.ts';
import { kubectl } from './install-as-admin.ts';

/** Replaces CA and certificate of the provider by the commands of its README; `meanwhile` is done again and again until Gatekeeper believes the new CA alone. */
export async function rotateAuthority(scene: AdmissionScene, meanwhile: () => Promise<void>): Promise<void> {
  const { guide, suite } = scene;
  const isStopped = new AbortController();
  const asking = (async () => {
    while (!isStopped.signal.aborted) await meanwhile();
  })();
  try {
    await copyFile(join(guide.folder, 'ca.crt'), join(guide.folder, 'old-ca.crt'));
    await guide.run('certificate', 'bothCas', 'renewal');
    // kubelet looks at mounted Secrets about once a minute, and at once when something about the Pod changes.
    await kubectl(suite.bed, ['annotate', 'pods', '-n', PROVIDER, '-l', `app.kubernetes.io/name=${PROVIDER}`, 'scenario=rotated']);
    const ca = await readFile(join(guide.folder, 'ca.crt'), 'utf8');
    await until('all pods show the new certificate', async () => allShow(scene, ca), 120);
    await guide.run('service');
    await meanwhile();
  } finally {
    isStopped.abort();
    await asking;
  }
}

async function allShow({ api }: AdmissionScene, ca: string): Promise<true | string> {
  const { object } = await api.send<{ items: { status: { podIP: string } }[] }>(
    'GET',
    `${pathOf('Pod', PROVIDER)}?labelSelector=app.kubernetes.io/name=${PROVIDER}`,
  );
  for (const { status } of object.items) if (!(await isTrusted(status.podIP, ca))) return `${status.podIP} shows the old one`;
  return true;
}

/** Whether the server proves itself to who believes this CA alone; that it then wants a certificate of ours does not matter. */
function isTrusted(host: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 8443, ca, servername: `${PROVIDER}.${PROVIDER}.svc` }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
