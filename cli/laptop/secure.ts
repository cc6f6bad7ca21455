// SPDX-License-Identifier: Apache-2.0
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import { importImage } from './import-image.ts';
import type { Laptop } from './laptop.ts';
import { LAST_SUBJECT_FILE } from './last-subject.ts';
import { PROJECT } from './project.ts';
import { runDocumentFile, runPipelineFile } from './run-pipeline-file.ts';

/** The default of sbom-generate's param output. */
export const SBOM = 'sbom.cdx.json';
export const VERDICT = { json: 'verdict.json', markdown: 'verdict.md' };
const SCAN_REPORT = 'scan.json';
export const PIPELINES = { secure: 'secure-image', release: 'release-image', record: 'record' };

export type Secured = { image: DigestReference; origin: string; run: PipelineRun };

/** Brings an image into the embedded registry and runs secure-image on it. */
export async function secure(laptop: Laptop, options: { image: string | undefined; scanReport: string | undefined; verbose: boolean }): Promise<Secured> {
  const { state, services, registry, log } = laptop;
  log.info(options.image === undefined ? 'composing a small image from npm packages' : `bringing ${options.image} into the embedded registry`);
  const { image, origin } = await importImage({ project: PROJECT, given: options.image, registry, host: services.registry.host });
  await writeAtomic(join(state.root, LAST_SUBJECT_FILE), `${formatReference(image)}\n`);
  // Reports of an earlier run must not be taken for those of this one.
  const earlier = [VERDICT.json, VERDICT.markdown, SBOM, SCAN_REPORT, ...Object.values(PIPELINES).map(runDocumentFile)];
  for (const file of earlier) await rm(join(state.reports, file), { force: true });
  if (options.scanReport !== undefined) await copyFile(options.scanReport, join(state.reports, SCAN_REPORT));
  const run = await runPipelineFile({
    project: PROJECT,
    pipeline: PIPELINES.secure,
    params: { image: formatReference(image), ...(options.scanReport !== undefined && { 'scan-report': SCAN_REPORT }) },
    workspaces: {},
    state,
    services,
    verbose: options.verbose,
  });
  return { image, origin, run };
}
