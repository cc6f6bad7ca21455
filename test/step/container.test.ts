// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { chmod, chown, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, openBench } from './bench.ts';
import { PROJECT } from './bundles.ts';
import { expectDone } from './expectations.ts';
import { grypeReport } from './reports.ts';
import { runStep, type StepRun } from './spawn-step.ts';

/** The user of the images (images/<name>/Dockerfile). A test run that is not root is an ordinary user already. */
const NONROOT = process.getuid?.() === 0 ? { uid: 65532, gid: 65532 } : {};

/** Whether that user can reach Node and the bundles at all; not so where the project lies in a home folder of root's. */
function isReachable(): boolean {
  try {
    execFileSync(process.execPath, ['-e', `require('node:fs').accessSync(${JSON.stringify(join(PROJECT, 'catalog'))})`], {
      ...NONROOT,
      cwd: '/',
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

let bench: Bench;
let cwd: string;
beforeAll(async () => {
  bench = await openBench();
  cwd = await bench.folder('read-only');
  await chmod(bench.root, 0o755);
  await chmod(cwd, 0o555);
  if (NONROOT.uid !== undefined) await chown(bench.workspaces.reports, NONROOT.uid, NONROOT.gid);
});
afterAll(() => bench.close());

describe.skipIf(!isReachable())('as in a container: not root, in a folder that cannot be written to, without HOME', () => {
  test('every step does its work', async () => {
    const image = await bench.pushImage('team/confined');
    const { trust, policy, reports, 'signing-key': key } = bench.workspaces;
    const params = { image, 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json' };
    const sbom = { predicate: 'sbom.cdx.json', 'predicate-type': 'cyclonedx' };
    const confined = { ...NONROOT, cwd, env: { HOME: undefined } };
    const runs: StepRun[] = [
      { task: 'sbom-generate', params: { image }, workspaces: { reports } },
      { task: 'cosign-sign', params: { ...params, log: 'later' }, workspaces: { trust, 'signing-key': key } },
      { task: 'cosign-sign', params: { ...params, ...sbom, log: 'later' }, workspaces: { trust, reports, 'signing-key': key } },
      { task: 'rekor-upload', params, workspaces: { trust } },
      { task: 'policy-check', params: { ...params, 'scan-report': 'scan.json' }, workspaces: { trust, policy, reports, 'signing-key': key } },
    ];
    await writeFile(join(reports, 'scan.json'), JSON.stringify(grypeReport(image, [])));
    for (const run of runs) expectDone(await runStep({ ...run, ...confined }), image);
    expect((await readdir(reports)).sort()).toEqual(['sbom.cdx.json', 'scan.json', 'verdict.json', 'verdict.md', 'vsa.json']);
    expect(await readdir(cwd)).toEqual([]);
  });

  test('a workspace that cannot be written to is named', async () => {
    const image = await bench.pushImage('team/unwritable');
    const end = await runStep({ task: 'sbom-generate', params: { image }, workspaces: { reports: cwd }, ...NONROOT });
    expect(end).toMatchObject({ code: 64, results: { outcome: 'input', subject: image } });
    expect(end.stderr).toContain(cwd);
    expect(end.stderr).toMatch(/^error: hint: /m);
  });
});
