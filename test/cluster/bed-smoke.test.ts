// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureDebianTools } from '../peers/debian-tools.ts';
import { createBed } from './bed/bed.ts';
import { bringUp } from './bed/bring-up.ts';
import { isDaemonRunning, listRecords } from './bed/daemon.ts';
import { withLock } from './bed/lock.ts';
import { selectComponents } from './bed/order.ts';
import { bedPlace } from './bed/state.ts';
import { bedStatus } from './bed/status.ts';
import { takeDown } from './bed/take-down.ts';
import { bedPki } from './components/cluster-pki.ts';
import { SHELL_IMAGE, SHELL_PROGRAMS } from './components/peer-images.ts';
import { components } from './components/table.ts';

const log = (line: string): void => console.error(line);
const place = bedPlace(process.env);
/** Only the first start, which may build peers, is worth a line. */
const bed = createBed(place, () => undefined);
const selected = selectComponents(components, { only: ['kubernetes', 'registries'] });
const up = (by = bed) => withLock(place, { doing: 'up', log }, () => bringUp(by, selected));
const NAMESPACE = 'smoke';
let isOurs: boolean;
let shell: string;

beforeAll(async () => {
  isOurs = !(await isDaemonRunning(place, 'kube-apiserver'));
  await ensureDebianTools(SHELL_PROGRAMS, log);
  await up(createBed(place, log));
  shell = await bed.image(SHELL_IMAGE);
  await bed.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
  await bed.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'work', namespace: NAMESPACE },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
  ]);
});

/** A bed that stood before is left standing. */
afterAll(async () => {
  if (isOurs) await withLock(place, { doing: 'down', log }, () => takeDown(place, bed, components));
  else await bed.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
});

const RESTRICTED = { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } };

function pod(name: string, script: string, { image = shell, securityContext = RESTRICTED as object } = {}): object {
  const container = {
    name: 'main',
    image,
    command: ['/bin/sh', '-euc', script],
    securityContext,
    volumeMounts: [{ name: 'work', mountPath: '/volume' }],
  };
  const volumes = [{ name: 'work', persistentVolumeClaim: { claimName: 'work' } }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: NAMESPACE }, spec: { restartPolicy: 'Never', containers: [container], volumes } };
}

/** Runs the script in a pod and gives how it ended and what it said. */
async function runPod(name: string, script: string): Promise<{ phase: string; said: string }> {
  await bed.apply([pod(name, script)]);
  const phaseOf = async () => (await bed.kubectl(['get', 'pod', name, '-n', NAMESPACE, '-o', 'jsonpath={.status.phase}'])).stdout;
  await expect.poll(phaseOf, { timeout: 90_000, interval: 500 }).toMatch(/^(Succeeded|Failed)$/);
  return { phase: await phaseOf(), said: (await bed.kubectl(['logs', name, '-n', NAMESPACE])).stdout };
}

describe('a pod in a restricted namespace', () => {
  test('writes to its claimed volume as a user without rights, and the next one finds it', async () => {
    expect(await runPod('writer', 'id -u; echo kept > /volume/file')).toEqual({ phase: 'Succeeded', said: '65532\n' });
    expect(await runPod('reader', 'cat /volume/file')).toEqual({ phase: 'Succeeded', said: 'kept\n' });
  });

  test('resolves names of the cluster', async () => {
    const { phase, said } = await runPod('resolver', 'nslookup kubernetes.default.svc.cluster.local');
    expect(phase).toBe('Succeeded');
    expect(said).toMatch(/Server:\s+10\.96\.0\.10[\s\S]*Address: 10\.96\.0\.1\b/);
  });

  test('is told at once that other names do not exist', async () => {
    const { phase, said } = await runPod('stranger', 'nslookup registry.example.com');
    expect(phase).toBe('Failed');
    expect(said).toContain('NXDOMAIN');
  });

  test('reaches the registry by the address of the node, and the API server by its service', async () => {
    const { phase, said } = await runPod(
      'caller',
      `printf 'GET /v2/ HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${bed.node} 5000 | head -1; nc -w 5 10.96.0.1 443 < /dev/null && echo open`,
    );
    expect(phase).toBe('Succeeded');
    expect(said).toMatch(/^HTTP\/1\.0 200 OK\r?\nopen\n$/);
  });

  test('is refused when it may gain rights', async () => {
    await expect(bed.apply([pod('rights', 'true', { securityContext: {} })])).rejects.toMatchObject({
      code: 'APPLY_REFUSED',
      message: expect.stringContaining('violates PodSecurity "restricted:latest"'),
    });
  });

  test('waits for ever for an image that the registry does not have', async () => {
    await bed.apply([pod('imageless', 'true', { image: `${bed.node}:5000/peers/shell@sha256:${'0'.repeat(64)}` })]);
    const reason = async () =>
      (await bed.kubectl(['get', 'pod', 'imageless', '-n', NAMESPACE, '-o', 'jsonpath={.status.containerStatuses[0].state.waiting.reason}'])).stdout;
    await expect.poll(reason, { timeout: 60_000, interval: 500 }).toMatch(/^(ErrImagePull|ImagePullBackOff)$/);
  });
});

describe('service account tokens', () => {
  const fetchFromApi = async (path: string): Promise<{ status: number | undefined; body: string }> => {
    const ca = readFileSync((await bedPki(bed)).ca.certFile);
    return new Promise((resolve, reject) => {
      const request = get(`https://${bed.node}:6443${path}`, { ca }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode, body }));
      });
      request.on('error', reject);
    });
  };

  test('are issued by an address that anybody on this machine can ask for the keys', async () => {
    const { stdout: token } = await bed.kubectl(['create', 'token', 'default', '-n', NAMESPACE, '--audience=sigstore']);
    const issuer = `https://${bed.node}:6443`;
    expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({ iss: issuer, aud: ['sigstore'] });
    const discovered = await fetchFromApi('/.well-known/openid-configuration');
    expect(JSON.parse(discovered.body)).toMatchObject({ issuer, jwks_uri: `${issuer}/openid/v1/jwks` });
    const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
    expect(JSON.parse((await fetchFromApi('/openid/v1/jwks')).body)).toMatchObject({ keys: [expect.objectContaining({ kid })] });
  });

  test.each(['/api/v1/namespaces', '/api/v1/namespaces/kube-system/secrets', '/metrics'])('and nobody reads %s without one', async (path) => {
    expect((await fetchFromApi(path)).status).toBe(403);
  });
});

describe('the registries', () => {
  const subject = `sha256:${'1'.repeat(64)}`;

  test('list referrers on the one port, and on the other they have no such API', async () => {
    await bed.image(SHELL_IMAGE);
    const [withApi, without] = await Promise.all([5000, 5001].map((port) => fetch(`http://${bed.node}:${port}/v2/peers/shell/referrers/${subject}`)));
    expect(withApi?.status).toBe(200);
    expect(await withApi?.json()).toMatchObject({ mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] });
    expect(without?.status).toBe(404);
  });

  test('keep what they have when they are killed', async () => {
    await bed.stop('registry', 0);
    await up();
    const { digest } = /@(?<digest>sha256:[0-9a-f]{64})$/.exec(shell)?.groups ?? {};
    expect((await fetch(`http://${bed.node}:5000/v2/peers/shell/manifests/${digest}`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('the bed', () => {
  test('is ready in all that was asked for, and a second up changes no process', async () => {
    const before = await listRecords(place);
    await up();
    expect(await listRecords(place)).toEqual(before);
    const states = (await bedStatus(place, bed, selected)).map(({ name, state }) => [name, state]);
    expect(states).toEqual(selected.map(({ name }) => [name, 'ready']));
  });

  test('starts again what was killed', async () => {
    const victims = ['etcd', 'kube-scheduler', 'kubelet', 'containerd'];
    for (const { name, pid } of await listRecords(place)) if (victims.includes(name)) process.kill(pid, 'SIGKILL');
    const running = async () => (await Promise.all(victims.map((name) => isDaemonRunning(place, name)))).filter(Boolean).length;
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
    await up();
    expect(await running()).toBe(victims.length);
    expect(await runPod('after', 'echo alive')).toEqual({ phase: 'Succeeded', said: 'alive\n' });
  });
});
