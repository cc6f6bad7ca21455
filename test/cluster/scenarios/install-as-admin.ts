// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { runProgram } from '../../../images/base/run-program.ts';
import { refusedError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { PROJECT } from '../../../scripts/images/place.ts';
import type { Bed } from '../bed/component.ts';
import { fingerprint } from './fingerprint.ts';
import { buildTestTasks, type TestTaskImages } from './tasks/build-test-tasks.ts';

/** What the setup leaves for the scenarios. */
export type Installed = {
  /** Folder with the rendered catalog, as `supply-chain catalog render --output` writes it. */
  rendered: string;
  /** Images of the Tasks for the slots, by digest. */
  taskImages: TestTaskImages;
};

/** All that images, catalog and test Tasks are made of. */
const SOURCES = ['catalog', 'cli', 'images', 'lib', 'scripts', 'services', 'tasks', 'test/cluster/scenarios/tasks', 'package.json', 'package-lock.json'];

/**
 * Does what docs/operations/install.md tells an admin, with the same commands, for one platform and with the registry of the bed; the catalog itself goes into
 * the namespaces of the teams (`installCatalog`). Images and catalog are made anew when a source has changed, everything is applied in any case.
 * Throws StepError `INSTALL_FAILED` with what the command said.
 */
export async function installAsAdmin(bed: Bed): Promise<Installed> {
  const dir = await bed.dir('scenarios');
  const repository = `${bed.node}:5000/supply-chain`;
  const rendered = join(dir, 'rendered');
  const installed = await makeOnce(join(dir, 'installed.json'), async () => {
    await buildAndRender({ dir, registry: `${bed.node}:5000`, repository, rendered });
    return { rendered, taskImages: await buildTestTasks(`${bed.node}:5000`) };
  });
  await patchFeatureFlags(bed);
  await kubectl(bed, ['apply', '-f', join(rendered, 'install', 'approval-gate')]);
  await kubectl(bed, ['rollout', 'status', 'deployment/approval-gate', '-n', 'approval-gate', '--timeout=180s']);
  return installed;
}

async function makeOnce(file: string, make: () => Promise<Installed>): Promise<Installed> {
  const print = await fingerprint(PROJECT, SOURCES);
  if (existsSync(file)) {
    const kept = JSON.parse(await readFile(file, 'utf8')) as { print: string; installed: Installed };
    if (kept.print === print) return kept.installed;
  }
  const installed = await make();
  await writeAtomic(file, JSON.stringify({ print, installed }));
  return installed;
}

type Making = { dir: string; registry: string; repository: string; rendered: string };

async function buildAndRender({ dir, registry, repository, rendered }: Making): Promise<void> {
  const digests = join(dir, 'digests.json');
  await project('scripts/build/main.ts', ['--quiet']);
  await project('scripts/images/main.ts', [
    ...['--platform', 'linux/amd64', '--output', join(dir, 'images'), '--digests', digests],
    ...['--push', repository, '--insecure-registry', registry],
  ]);
  await project('cli/main.ts', ['catalog', 'render', '--digests', digests, '--repository', repository, '--output', rendered]);
}

/** What `npm run NAME -- ARGS` runs. */
async function project(script: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runProgram(process.execPath, [join(PROJECT, script), ...args], { cwd: PROJECT, env: process.env });
  if (code !== 0) throw refusedError('INSTALL_FAILED', `${script} ${args.join(' ')} ended with ${code}:\n${stdout.toString('utf8')}${stderr}`);
}

async function patchFeatureFlags(bed: Bed): Promise<void> {
  const patch = JSON.stringify({ data: { 'set-security-context': 'true' } });
  await kubectl(bed, ['patch', 'configmap', 'feature-flags', '-n', 'tekton-pipelines', '--type', 'merge', '-p', patch]);
}

/** kubectl as admin; gives what it printed. Throws StepError `INSTALL_FAILED`. */
export async function kubectl(bed: Pick<Bed, 'kubectl'>, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await bed.kubectl(args, stdin);
  if (code !== 0) throw refusedError('INSTALL_FAILED', `kubectl ${args.join(' ')} ended with ${code}: ${stderr.trim()}`);
  return stdout;
}
