// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubeconfigConnection } from '../../lib/kube/kubeconfig.ts';
import type { CommandResult } from '../cluster/api-server.ts';
import {
  type Controller,
  createGate,
  type GateCluster,
  inlineGate,
  NAMESPACE,
  ROOT,
  reached,
  resultsOf,
  startController,
  startGateCluster,
} from './gate-cluster.ts';

const ALICE = `system:serviceaccount:${NAMESPACE}:alice`;
const GROUP = `system:serviceaccounts:${NAMESPACE}`;

let cluster: GateCluster;
let controller: Controller;
let kubeconfigs: Record<'alice' | 'outsider', string>;

beforeAll(async () => {
  cluster = await startGateCluster();
  controller = await startController(cluster, 'gate-0');
  const subject = (name: string, namespace: string) => ({ kind: 'ServiceAccount', name, namespace });
  await cluster.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'alice', namespace: NAMESPACE } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'outsider', namespace: 'default' } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'accounts', namespace: NAMESPACE },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approval-gate-approver' },
      subjects: [subject('alice', NAMESPACE), subject('outsider', 'default')],
    },
  );
  kubeconfigs = { alice: await kubeconfig('alice', NAMESPACE, false), outsider: await kubeconfig('outsider', 'default', true) };
});
afterAll(async () => {
  await controller?.stop();
  await cluster?.stop();
});

/** A kubeconfig with a token in it, or with a program that prints one, as clouds have it. */
async function kubeconfig(account: string, namespace: string, byProgram: boolean): Promise<string> {
  const { server, ca = '' } = await kubeconfigConnection({ env: {}, home: '/', file: cluster.api.kubeconfig });
  const token = (await cluster.api.kubectl(['create', 'token', account, '-n', namespace])).stdout.trim();
  const credential = JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } });
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/echo', args: [credential], interactiveMode: 'Never' };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: account, user: byProgram ? { exec } : { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: account, namespace: NAMESPACE } }],
    'current-context': 'test',
  };
  const file = join(cluster.dir, `${account}.kubeconfig`);
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

function gate(who: keyof typeof kubeconfigs, ...args: string[]): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'cli', 'main.ts'), 'gate', ...args], {
      cwd: cluster.dir,
      env: { PATH: process.env['PATH'], HOME: cluster.dir, KUBECONFIG: kubeconfigs[who] },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

describe('supply-chain gate', () => {
  test('lists, shows, approves and shows the end', async () => {
    const opened = await createGate(
      cluster,
      'listed',
      inlineGate(
        {
          description: 'Read the log.',
          rules: [
            { name: 'release', users: [ALICE] },
            { name: 'team', groups: [GROUP] },
          ],
        },
        { params: [{ name: 'description', value: 'release 7\u001b[31m' }] },
      ),
    );
    await reached(cluster, opened, 'Started');
    const listed = await gate('alice', 'list');
    expect(listed.stdout).toMatch(
      /^GATE +PIPELINERUN +STATE +SINCE +LEFT +MESSAGE\nlisted +- +open +\d+s +- +waiting for approval: release 0\/1, team 0\/1\n$/,
    );
    const shown = await gate('alice', 'show', 'listed');
    expect(shown.stdout).toContain('about         release 7?[31m\n');
    expect(shown.stdout).toContain(`  release 0/1: ${ALICE}\n  team 0/1: group ${GROUP}\n`);
    const approved = await gate('alice', 'approve', 'listed', '-m', 'read it');
    expect(approved).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(
        /^system:serviceaccount:shop:alice approves shop\/listed \(vote listed-\w+\)\napproved by system:serviceaccount:shop:alice\n$/,
      ),
    });
    expect(resultsOf(await reached(cluster, opened, 'Approved'))).toMatchObject({ approvers: ALICE, comments: `${ALICE}: read it` });
    expect((await gate('alice', 'list')).stdout).toBe('no gate waits\n');
    const closed = JSON.parse((await gate('alice', 'list', '--closed', '-o', 'json')).stdout);
    expect(closed).toMatchObject([{ name: 'listed', state: 'approved', details: { approvals: [{ user: ALICE, rules: ['release', 'team'] }] } }]);
    expect(await gate('alice', 'approve', 'listed')).toMatchObject({ code: 64, stderr: expect.stringContaining('gate shop/listed is closed: approved by') });
  });

  test('rejects, with the comment that the policy requires', async () => {
    const opened = await createGate(cluster, 'unwanted', inlineGate({ rules: [{ name: 'release', users: [ALICE] }], commentRequired: ['reject'] }));
    await reached(cluster, opened, 'Started');
    expect(await gate('alice', 'reject', 'unwanted')).toMatchObject({ code: 64, stderr: expect.stringContaining('requires a comment to reject') });
    const rejected = await gate('alice', 'reject', 'unwanted', '-m', 'broken', '-o', 'json');
    expect(JSON.parse(rejected.stdout)).toMatchObject({
      user: ALICE,
      decision: 'reject',
      gate: { state: 'rejected', message: `rejected by ${ALICE}: broken` },
    });
  });

  test('the vote belongs to the run, so that it goes with it', async () => {
    const { stdout } = await cluster.api.kubectl(['get', 'approvalvotes', '-n', NAMESPACE, '-o', 'jsonpath={.items[*].metadata.ownerReferences[*].kind}']);
    expect(stdout).toBe('CustomRun CustomRun');
  });

  test('casts no vote that would not count', async () => {
    const opened = await createGate(cluster, 'guarded', inlineGate({ rules: [{ name: 'release', users: [ALICE] }] }));
    await reached(cluster, opened, 'Started');
    expect(await gate('outsider', 'approve', 'guarded')).toMatchObject({
      code: 20,
      stderr: expect.stringContaining('no rule of gate shop/guarded names system:serviceaccount:default:outsider'),
    });
    const own = await createGate(
      cluster,
      'own',
      inlineGate({ rules: [{ name: 'release', users: [ALICE, 'bob'] }], excludeRequester: true }, { params: [{ name: 'requester', value: ALICE }] }),
    );
    await reached(cluster, own, 'Started');
    expect(await gate('alice', 'approve', 'own')).toMatchObject({ code: 20, stderr: expect.stringContaining('asked for this run') });
    const { stdout } = await cluster.api.kubectl(['get', 'approvalvotes', '-n', NAMESPACE, '-o', 'jsonpath={.items[*].spec.gateRef.customRun}']);
    expect(stdout).not.toMatch(/guarded|own/);
  });

  test.each([
    ['a gate that is not there', ['show', 'nowhere'], 64, 'gate nowhere in namespace shop does not exist'],
    ['a namespace without rights', ['list', '-n', 'kube-system'], 77, 'cannot list resource "customruns"'],
    ['all namespaces without rights', ['list', '-A'], 77, 'cannot list resource "customruns"'],
    ['a context that is not there', ['list', '--context', 'other'], 64, 'contexts are: test'],
  ])('tells about %s', async (_what, args, code, message) => {
    expect(await gate('alice', ...args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });
});
