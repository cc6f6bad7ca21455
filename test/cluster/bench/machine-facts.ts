// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { bugError } from '../../../lib/errors/errors.ts';
import { PROJECT } from '../../../scripts/images/place.ts';
import { tektonPeer } from '../../peers/tekton-version.ts';
import type { Bed } from '../bed/component.ts';
import { kubectl } from '../scenarios/install-as-admin.ts';

/** What numbers depend on: processors, memory, versions. */
export type MachineFacts = { cores: number; model: string; memoryGiB: number; kubernetes: string; tekton: string };

export async function machineFacts(bed: Pick<Bed, 'kubectl'>): Promise<MachineFacts> {
  const { serverVersion } = JSON.parse(await kubectl(bed, ['version', '-o', 'json'])) as { serverVersion: { gitVersion: string } };
  const processors = cpus();
  return {
    cores: processors.length,
    model: processors[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kubernetes: serverVersion.gitVersion,
    tekton: await tektonVersion(),
  };
}

/** That of the peer's module: a Tekton that is built from its module calls itself "devel". */
async function tektonVersion(): Promise<string> {
  const file = join(PROJECT, 'test', 'peers', tektonPeer(), 'go.mod');
  const [, version] = /github\.com\/tektoncd\/pipeline (v\S+)/.exec(await readFile(file, 'utf8')) ?? [];
  if (version === undefined) throw bugError('VERSION_MISSING', `${file} does not require Tekton Pipelines`);
  return version;
}

/** Processes that ran or waited to run, as a mean over the last minute. */
export function loadNow(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
