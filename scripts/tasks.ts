// SPDX-License-Identifier: Apache-2.0
import { policySchema } from '../lib/policy/policy-schema.ts';
import type { TaskSpec } from '../lib/spec/spec.ts';
import { spec as argocdSync } from '../tasks/argocd-sync/spec.ts';
import { spec as cosignSign } from '../tasks/cosign-sign/spec.ts';
import { spec as gitopsCommit } from '../tasks/gitops-commit/spec.ts';
import { spec as grafeasStore } from '../tasks/grafeas-store/spec.ts';
import { spec as notify } from '../tasks/notify/spec.ts';
import { spec as policyCheck } from '../tasks/policy-check/spec.ts';
import { spec as promote } from '../tasks/promote/spec.ts';
import { spec as rekorUpload } from '../tasks/rekor-upload/spec.ts';
import { spec as sbomGenerate } from '../tasks/sbom-generate/spec.ts';

/** Every Task of the suite, in the order in which a Pipeline uses them. A new Task is added here and nowhere else. */
export const TASKS: readonly TaskSpec[] = [sbomGenerate, cosignSign, rekorUpload, grafeasStore, policyCheck, promote, gitopsCommit, argocdSync, notify];

/** Every long-running service, by its folder below services/. */
export const SERVICES: readonly string[] = ['admission-provider', 'approval-gate'];

/** JSON Schemas of files that a Task reads, by Task and file name; they stand beside the Task in the catalog. */
export const FILE_SCHEMAS: Readonly<Record<string, Readonly<Record<string, () => Record<string, unknown>>>>> = {
  'policy-check': { 'policy.schema.json': policySchema },
};
