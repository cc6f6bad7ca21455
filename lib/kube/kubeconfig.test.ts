// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { inClusterConnection, tokenFromFile } from './in-cluster.ts';
import { kubeconfigConnection } from './kubeconfig.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');
let files = 0;

function write(parts: { cluster?: object; user?: object; context?: object; rest?: object } = {}): string {
  files += 1;
  const file = join(dir, `config-${files}`);
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://k8s.example.com:6443', ...parts.cluster } }],
    users: [{ name: 'u', user: parts.user ?? { token: 'secret-token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...parts.context } }],
    'current-context': 'x',
    ...parts.rest,
  };
  writeFileSync(file, stringify(config));
  return file;
}
const read = (file: string, context?: string) => kubeconfigConnection({ env: {}, home: dir, file, context });

describe('a kubeconfig', () => {
  test('with a token, a CA and a namespace', async () => {
    const connection = await read(write({ cluster: { 'certificate-authority-data': base64('CA') }, context: { namespace: 'shop' } }));
    expect(connection).toMatchObject({ server: 'https://k8s.example.com:6443', ca: 'CA', namespace: 'shop' });
    expect(await connection.token?.()).toBe('secret-token');
  });

  test('with a client certificate', async () => {
    const connection = await read(write({ user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') } }));
    expect(connection).toMatchObject({ client: { cert: 'CERT', key: 'KEY' }, namespace: 'default' });
    expect(connection.token).toBeUndefined();
  });

  test('with a program that logs in', async () => {
    const credential = JSON.stringify({ kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1', status: { token: 'from-program' } });
    const connection = await read(write({ user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/echo', args: [credential] } } }));
    expect(await connection.token?.()).toBe('from-program');
  });

  test('is looked for where kubectl looks, and several are merged', async () => {
    const first = write({ rest: { 'current-context': '', users: [], contexts: [] } });
    const second = write({ cluster: { server: 'https://other.example.com' } });
    const connection = await kubeconfigConnection({ env: { KUBECONFIG: `${first}:/not/there:${second}` }, home: dir });
    expect(connection.server).toBe('https://k8s.example.com:6443');
    mkdirSync(join(dir, '.kube'), { recursive: true });
    writeFileSync(join(dir, '.kube', 'config'), '');
    await expect(kubeconfigConnection({ env: {}, home: dir })).rejects.toMatchObject({ code: 'KUBECONFIG_INVALID' });
  });

  test.each([
    ['is not there', () => '/not/there', undefined, 'KUBECONFIG_MISSING'],
    [
      'is no YAML',
      () => {
        const file = write();
        writeFileSync(file, '{{{');
        return file;
      },
      undefined,
      'KUBECONFIG_INVALID',
    ],
    ['has no such context', () => write(), 'other', 'KUBECONFIG_INVALID'],
    ['has no current context', () => write({ rest: { 'current-context': '' } }), undefined, 'KUBECONFIG_INVALID'],
    ['names a cluster that it lacks', () => write({ context: { cluster: 'none' } }), undefined, 'KUBECONFIG_INVALID'],
    ['switches verification off', () => write({ cluster: { 'insecure-skip-tls-verify': true } }), undefined, 'KUBECONFIG_UNSUPPORTED'],
    ['holds a password', () => write({ user: { username: 'a', password: 'b' } }), undefined, 'KUBECONFIG_UNSUPPORTED'],
    [
      'names a program that fails',
      () => write({ user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/false' } } }),
      undefined,
      'KUBE_LOGIN_FAILED',
    ],
    [
      'names a program that is not there',
      () => write({ user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/not/there' } } }),
      undefined,
      'KUBE_LOGIN_FAILED',
    ],
  ])('that %s is told', async (_what, make, context, code) => {
    await expect(read(make(), context)).rejects.toMatchObject({ kind: 'input', code });
  });
});

describe('a pod', () => {
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };

  test('finds its API server, and reads its token again after a minute', async () => {
    for (const [name, text] of Object.entries({ 'ca.crt': 'CA', namespace: 'approval-gate\n', token: 'one\n' })) writeFileSync(join(dir, name), text);
    let now = 0;
    const connection = await inClusterConnection(env, () => now, dir);
    expect(connection).toMatchObject({ server: 'https://[fd00::1]:443', ca: 'CA', namespace: 'approval-gate' });
    expect(await connection.token?.()).toBe('one');
    writeFileSync(join(dir, 'token'), 'two\n');
    now = 59_000;
    expect(await connection.token?.()).toBe('one');
    now = 60_000;
    expect(await connection.token?.()).toBe('two');
  });

  test.each([
    ['outside of a cluster', {}, 'KUBE_NOT_IN_CLUSTER'],
    ['without its files', env, 'FILE_MISSING'],
  ])('%s is told', async (_what, variables, code) => {
    await expect(inClusterConnection(variables, () => 0, join(dir, 'nowhere'))).rejects.toMatchObject({ code });
    await expect(tokenFromFile(join(dir, 'nowhere'), () => 0)()).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });
});
