// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { type FakeApiServer, startFakeApiServer, status } from '../../lib/kube/test-api-server.ts';
import { evidence, signature } from '../../lib/policy/test-evidence.ts';
import { verdictOf } from '../../lib/policy/test-judge.ts';
import { verdictJson } from '../../lib/policy/verdict.ts';
import { serverCa, serverPair } from '../../services/admission-provider/test-certificates.ts';
import { PROJECT } from './bundles.ts';
import { openForge } from './forge.ts';
import { bareState, type CliEnd, type Laptop, runCli, serve } from './laptop.ts';
import { grypeReport, smallSbom } from './reports.ts';

let laptop: Omit<Laptop, 'tasks'>;
beforeAll(async () => {
  const { remove, ...made } = await bareState();
  const services = await serve(made);
  const close = (): Promise<void> => services.close().then(remove);
  laptop = { ...made, ...services, close };
});
afterAll(() => laptop.close());

const CASES = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: PolicyTest
policy: ../policy.yaml
now: 2026-08-15T12:00:00Z
cases:
  - name: signed, and an SBOM that is not logged
    evidence:
      - { type: signature, signers: [release], log: { url: "https://log.example.com", index: 7 } }
      - { type: cyclonedx, signers: [release], predicateFile: sbom.json }
    scanReport: scan.json
    expect:
      outcome: failed
      rules:
        signed: passed
        logged: { is: failed, says: holds no log entry }
        sbom: passed
        vulnerabilities: { is: failed, says: CVE-2025-0001 }
`;

/** A folder with the sample policy, its key, and a folder with cases. */
async function policyFolder(cases = CASES): Promise<string> {
  const folder = await laptop.folder('authoring');
  const image = `registry.example.com/app@sha256:${'a'.repeat(64)}`;
  await copyFile(join(PROJECT, 'lib/policy/sample-policy.yaml'), join(folder, 'policy.yaml'));
  await copyFile(join(laptop.state.policy, 'cosign.pub'), join(folder, 'cosign.pub'));
  await mkdir(join(folder, 'cases'));
  await writeFile(join(folder, 'cases', 'release.yaml'), cases);
  await writeFile(join(folder, 'cases', 'sbom.json'), JSON.stringify(smallSbom(image)));
  await writeFile(
    join(folder, 'cases', 'scan.json'),
    JSON.stringify(grypeReport(image, [{ id: 'CVE-2025-0001', severity: 'Critical', package: 'tiny', version: '1.0.0' }])),
  );
  return folder;
}

describe('supply-chain policy lint', () => {
  test('finds nothing in the sample policy beside its key', async () => {
    const end = await runCli(['policy', 'lint', join(await policyFolder(), 'policy.yaml'), '--strict']);
    expect(end).toEqual({ code: 0, stdout: '0 errors, 0 warnings\n', stderr: '' });
  });

  test('tells key files that cannot be used, and one key under two names', async () => {
    const folder = await policyFolder();
    const file = join(folder, 'twice.yaml');
    await copyFile(join(folder, 'cosign.pub'), join(folder, 'other.pub'));
    await writeFile(
      file,
      'apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: { name: p }\nsigners:\n  - { name: a, key: { file: cosign.pub } }\n  - { name: b, key: { file: other.pub } }\n  - { name: c, key: { file: gone.pub } }\nrules:\n  - { id: signed, type: signature, signers: { all: [a, b, c] } }\n',
    );
    const end = await runCli(['policy', 'lint', file]);
    expect(end).toMatchObject({ code: 20, stderr: '' });
    expect(end.stdout).toBe(
      `${file}:6:16: error: signers[1].key: is the same key as that of "a" [key]\n${file}:7:16: error: signers[2].key: "gone.pub" does not exist under ${folder} [key]\n2 errors, 0 warnings\n`,
    );
    const json = await runCli(['policy', 'lint', file, '-o', 'json']);
    expect(JSON.parse(json.stdout).findings[0]).toMatchObject({ severity: 'error', code: 'key', place: { line: 6, column: 16 } });
  });

  test('warnings fail with --strict alone, and a file that is not there is an input', async () => {
    const folder = await policyFolder();
    const file = join(folder, 'warn.yaml');
    await writeFile(
      file,
      'apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: { name: p }\nsigners: [{ name: a, key: { file: cosign.pub } }]\nrules:\n  - { id: signed, type: signature, stages: [build], signers: { any: [a] } }\n',
    );
    const end = await runCli(['policy', 'lint', file]);
    expect(end.code).toBe(0);
    expect(end.stdout).toContain('warning: rules: a verdict of stage deploy fails always');
    expect((await runCli(['policy', 'lint', file, '--strict'])).code).toBe(20);
    expect(await runCli(['policy', 'lint', join(folder, 'no.yaml')])).toMatchObject({ code: 64, stdout: '' });
  });
});

describe('supply-chain policy test', () => {
  test('judges the cases of a folder, by the exit code too', async () => {
    const folder = await policyFolder();
    expect(await runCli(['policy', 'test', folder])).toEqual({
      code: 0,
      stdout: '✓ cases/release.yaml: signed, and an SBOM that is not logged\n1 passed, 0 failed\n',
      stderr: '',
    });
  });

  test('tells what came in place of what was expected, as JUnit too', async () => {
    const folder = await policyFolder(CASES.replace('signed: passed', 'signed: failed'));
    const end = await runCli(['policy', 'test', folder]);
    expect(end.code).toBe(20);
    expect(end.stdout).toContain('rule signed: passed, expected failed: signed by release');
    const junit = await runCli(['policy', 'test', folder, '-o', 'junit']);
    expect(junit.code).toBe(20);
    expect(junit.stdout).toContain('<testsuites tests="1" failures="1"');
  });

  test.each([
    ['a folder without cases', (folder: string) => writeFile(join(folder, 'cases', 'release.yaml'), 'kind: Pod\n'), /no file of kind PolicyTest/],
    [
      'a path that leads out',
      (folder: string) => writeFile(join(folder, 'cases', 'release.yaml'), CASES.replace('../policy.yaml', '../../policy.yaml')),
      /does not stay inside/,
    ],
    [
      'a case that cannot be read',
      (folder: string) => writeFile(join(folder, 'cases', 'release.yaml'), CASES.replace('expect:', 'expects:')),
      /line 6: cases\[0\].*"expects"/,
    ],
  ])('refuses %s', async (_, change, message) => {
    const folder = await policyFolder();
    await change(folder);
    const end = await runCli(['policy', 'test', folder]);
    expect(end).toMatchObject({ code: 64, stdout: '' });
    expect(end.stderr).toMatch(message);
  });
});

describe('supply-chain policy explain', () => {
  test('tells what a rule asks, and which rules there are', async () => {
    const file = join(await policyFolder(), 'policy.yaml');
    const end = await runCli(['policy', 'explain', file, '--rule', 'logged']);
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(end.stdout).toContain('Looked for in the log: signature, cyclonedx.');
    expect(end.stdout).not.toContain('sbom (sbom)');
    expect(await runCli(['policy', 'explain', file, '--rule', 'no'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('its rules are signed, logged'),
    });
  });

  test('tells why a verdict failed, and lets no foreign text move the cursor', async () => {
    const verdict = verdictOf(['id: signed, type: signature, signers: { any: [release] }'], evidence(signature({ by: 'qa' })));
    verdict.notes.push('\u001b[2Jgone\nsigned (signature): passed');
    const file = join(await laptop.folder('verdict'), 'verdict.json');
    await writeFile(file, verdictJson(verdict));
    const end = await runCli(['policy', 'explain', file]);
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(end.stdout).toMatch(/signed \(signature\): failed, not signed by release\n[\s\S]*to do {7}sign as release/);
    expect(end.stdout).not.toContain('\u001b');
    expect(end.stdout.match(/^signed \(signature\)/gm)).toHaveLength(1);
  });
});

describe('supply-chain policy scan', () => {
  let cluster: FakeApiServer;
  let secured: Server;
  beforeAll(async () => {
    cluster = await startFakeApiServer();
    // A kubeconfig is for TLS alone.
    const { port } = new URL(cluster.url);
    secured = createServer(serverPair, (socket) => pipeline(socket, connect(Number(port), '127.0.0.1'), socket, () => {}));
    await new Promise<void>((done) => secured.listen(0, '127.0.0.1', done));
  });
  afterAll(async () => {
    await cluster.close();
    secured.close();
  });

  /** Runs a scan with the policy and trusted root of the laptop. */
  async function scan(...more: string[]): Promise<CliEnd> {
    const kubeconfig = join(await laptop.folder('kube'), 'config');
    const named = {
      name: 'test',
      cluster: {
        server: `https://127.0.0.1:${(secured.address() as AddressInfo).port}`,
        'certificate-authority-data': Buffer.from(serverCa).toString('base64'),
      },
      context: { cluster: 'test', user: 'test' },
      user: { token: 'secret' },
    };
    await writeFile(
      kubeconfig,
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
        clusters: [{ name: named.name, cluster: named.cluster }],
        contexts: [{ name: named.name, context: named.context }],
        users: [{ name: named.name, user: named.user }],
      }),
    );
    const files = ['--policy', join(laptop.state.policy, 'policy.yaml'), '--trusted-root', join(laptop.state.trust, 'trusted_root.json')];
    return runCli(['policy', 'scan', '--cluster', '--kubeconfig', kubeconfig, ...files, ...more]);
  }

  function runPod(
    path: string,
    containers: Record<string, [image: string, imageID: string]>,
    more: { init?: Record<string, [string, string]>; metadata?: object; phase?: string } = {},
  ): void {
    const spec = (list: Record<string, [string, string]>) => Object.entries(list).map(([name, [image]]) => ({ name, image }));
    const statuses = (list: Record<string, [string, string]>) => Object.entries(list).map(([name, [image, imageID]]) => ({ name, image, imageID }));
    const { init = {}, metadata = {}, phase = 'Running' } = more;
    cluster.put(`/api/v1/namespaces/${path.replace('/', '/pods/')}`, {
      metadata,
      spec: { containers: spec(containers), initContainers: spec(init) },
      status: { phase, containerStatuses: statuses(containers), initContainerStatuses: statuses(init) },
    });
  }

  async function signed(repository: string): Promise<string> {
    const image = await laptop.pushImage(repository);
    const forge = await openForge(laptop);
    for (const [type, predicate] of [
      [PREDICATE_TYPE.signature, {}],
      [PREDICATE_TYPE.cyclonedx, smallSbom(image)],
      [PREDICATE_TYPE.vuln, grypeReport(image, [])],
    ] as const)
      await forge.attach(image, await forge.bundle(image, type, predicate), type);
    return image;
  }

  test('tells what would be denied and what nobody can say, for all containers, and never calls the unknown passed', async () => {
    const good = await signed('scan/good');
    const bad = await laptop.pushImage('scan/bad');
    const tag = (image: string): string => image.replace(/@.*/, ':1.0');
    const owner = (kind: string, name: string) => ({ ownerReferences: [{ kind, name, controller: true }], labels: { 'pod-template-hash': 'abc' } });
    for (const pod of ['web-abc-1', 'web-abc-2']) {
      const init = { prepare: [tag(bad), `docker-pullable://${bad}`] as [string, string] };
      runPod(`shop/${pod}`, { web: [tag(good), good] }, { init, metadata: owner('ReplicaSet', 'web-abc') });
    }
    runPod('shop/db-0', { db: [good, `registry.example.com/mirror@sha256:${'0'.repeat(64)}`] }, { metadata: owner('StatefulSet', 'db') });
    runPod('tools/lone', { lost: [tag(good), ''], gone: [bad.replace(/[0-9a-f]{64}$/, '0'.repeat(64)), ''] });
    runPod('tools/done', { done: [tag(bad), bad] }, { phase: 'Succeeded' });
    runPod('kube-system/proxy', { proxy: [tag(bad), bad] });
    const end = await scan('--exclude-namespace', 'kube-system');
    expect(end.code, end.stderr).toBe(20);
    const rows = end.stdout.split('\n').map((line) => line.replace(/ +/g, ' '));
    expect(rows.slice(1, -2)).toEqual([
      expect.stringMatching(/^denied shop Deployment\/web prepare \(init\) \S+ signed: not signed by release/),
      expect.stringMatching(/^unknown tools Pod\/lone gone \S+ .*has no such manifest/),
      expect.stringMatching(/^unknown tools Pod\/lone lost \S+ it has not been pulled yet/),
      expect.stringMatching(/^passed shop Deployment\/web web \S+ -$/),
      expect.stringMatching(/^passed shop StatefulSet\/db db \S+ -$/),
    ]);
    expect(rows.at(-2)).toBe('2 passed, 1 would be denied, 2 unknown');
    expect(cluster.seen.every((request) => request.startsWith('GET /api/v1/'))).toBe(true);
  });

  test('of one namespace as JSON; exit codes tell unknown from passed', async () => {
    const end = await scan('--namespace', 'tools', '--json');
    expect(end.code, end.stderr).toBe(75);
    expect(JSON.parse(end.stdout)).toMatchObject({
      kind: 'ClusterScan',
      stage: 'deploy',
      policy: { name: 'default' },
      counts: { passed: 0, denied: 0, unknown: 2 },
    });
    runPod('fine/app', { app: [await signed('scan/fine'), ''] });
    const fine = await scan('-n', 'fine');
    expect(fine.code, fine.stdout).toBe(0);
  });

  test.each([
    ['rights that are not there', 77, /pods/, (response: Parameters<typeof status>[0]) => status(response, 403, 'Forbidden'), []],
    ['a policy that is not there', 64, /no\.yaml/, undefined, ['--policy', '/no.yaml']],
  ])('fails with %s', async (_, code, message, answer, more) => {
    if (answer) cluster.trouble({ path: '/pods', answer });
    const end = more.length === 0 ? await scan() : await runCli(['policy', 'scan', '--cluster', ...more]);
    expect(end).toMatchObject({ code, stdout: '' });
    expect(end.stderr).toMatch(message);
  });
});
