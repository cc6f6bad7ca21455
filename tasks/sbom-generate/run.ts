// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { joinInside } from '../../lib/files/inside.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { writeCycloneDx } from '../../lib/sbom/cyclonedx.ts';
import { readCycloneDx } from '../../lib/sbom/read-cyclonedx.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import { catalogueInput } from './catalogue-input.ts';
import type { spec } from './spec.ts';

/** Catalogues what image and path name, and writes the SBOM; what it says about itself in the results is read back from the bytes that were written. */
export async function run(inputs: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const { params, workspaces } = inputs;
  const { subject, contents, reference } = await catalogueInput(inputs, deps);
  const bytes = writeCycloneDx({ subject, contents, tool: { name: 'tekton-supply-chain', version: deps.version }, sourceDateEpoch: deps.sourceDateEpoch });
  const folder = workspaces.reports ?? '';
  await writeAtomic(joinInside(folder, params.output), bytes);
  const facts = readCycloneDx(bytes, params.output);
  const completeness = facts.complete ? 'complete' : 'incomplete';
  deps.log.info(`SBOM written to ${join('reports', params.output)}`, { components: facts.components, completeness, bytes: bytes.length });
  for (const reason of facts.reasons.slice(0, 5)) deps.log.warn(`the SBOM is incomplete: ${reason}`);
  return {
    results: { subject: reference, 'sbom-path': params.output, 'sbom-digest': sha256Digest(bytes), components: String(facts.components), completeness },
  };
}
