// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import { DEPLOYMENT_FILE } from '../services/git/first-commit.ts';
import type { Laptop } from './laptop.ts';
import { PROJECT } from './project.ts';
import { runPipelineFile } from './run-pipeline-file.ts';

const PIPELINE = join(import.meta.dirname, 'record.yaml');

/** Records the verdict on an image, and its deployment when a release brought it into the GitOps repository and nobody has recorded that yet. `released` is the run of release-image. */
export function record({ state, services }: Laptop, image: DigestReference, released: PipelineRun | undefined, verbose: boolean): Promise<PipelineRun> {
  const { 'release-reference': release, commit } = released?.results ?? {};
  const isRecorded = released?.tasks.some(({ name, state: ended }) => name === 'record' && ended === 'Succeeded');
  const { repository } = services.git;
  const params: Record<string, string> = { image: formatReference(image) };
  if (typeof release === 'string' && typeof commit === 'string' && !isRecorded)
    Object.assign(params, { release, address: `${repository}#${DEPLOYMENT_FILE}`, config: `${repository}@${commit}` });
  return runPipelineFile({
    project: PROJECT,
    pipeline: PIPELINE,
    params,
    workspaces: {},
    state,
    services,
    verbose,
  });
}
