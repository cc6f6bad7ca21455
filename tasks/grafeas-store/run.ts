// SPDX-License-Identifier: Apache-2.0
import type { Grafeas } from '../../lib/grafeas/client.ts';
import { resourceUri } from '../../lib/grafeas/resource-uri.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import { withGrafeas } from './connection.ts';
import { deploymentOccurrence, recordDeployment } from './deployment.ts';
import type { Naming } from './from-evidence.ts';
import { queryArtifact } from './query.ts';
import { prepareEvidence, recordEvidence } from './record.ts';
import { type Done, writeReport } from './report.ts';
import type { spec } from './spec.ts';

/** Records the evidence or the deployment of the artifact, or reads what is recorded, as `mode` says. */
export async function run(inputs: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const { params, workspaces } = inputs;
  const { image } = params;
  const naming: Naming = { image, noteId: params['note-id'], resourceUri: resourceUri(image, params['resource-uri-scheme']) };
  const finish = async (grafeas: Grafeas, done: Done): Promise<StepOutcome<typeof spec>> => {
    await writeReport(workspaces.reports, { grafeas, image, naming, mode: params.mode, ...done });
    return {
      results: {
        subject: `${repositoryName(image)}@${image.digest}`,
        occurrences: String(done.held ?? done.present.length + done.created.length),
        created: String(done.created.length),
      },
    };
  };
  if (params.mode === 'query') return withGrafeas(inputs, deps, async (grafeas) => finish(grafeas, await queryArtifact(grafeas, image, deps.log)));
  if (params.mode === 'deployment') {
    const occurrence = deploymentOccurrence(inputs, deps.now(), naming);
    return withGrafeas(inputs, deps, async (grafeas) => finish(grafeas, await recordDeployment(grafeas, occurrence, deps.log)));
  }
  const prepared = await prepareEvidence(inputs, deps, naming);
  if (prepared.denied) {
    const results = { subject: `${repositoryName(image)}@${image.digest}`, occurrences: '0', created: '0' };
    return { results, denied: prepared.denied };
  }
  return withGrafeas(inputs, deps, async (grafeas) => finish(grafeas, await recordEvidence(grafeas, prepared, deps.log)));
}
