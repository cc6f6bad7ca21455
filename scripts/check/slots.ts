// SPDX-License-Identifier: Apache-2.0
import type { Context, Contract, PipelineTask, Resource, Slot } from './manifest.ts';

/** The slots of our Pipelines. A Task from elsewhere must have what its contract lists (`?` marks what it need not require), and require nothing else. */
export const SLOTS: Readonly<Record<string, Slot>> = {
  'scan-task': { placeholder: 'scan-none' },
  'chart-task': { placeholder: 'chart-none' },
  'clone-task': {
    fits: ['git-clone'],
    contract: contract({ params: ['url', 'revision?'], workspaces: ['output', 'basic-auth?'], results: ['commit', 'url'] }),
    claims: { 'CHAINS-GIT_URL': 'url', 'CHAINS-GIT_COMMIT': 'commit' },
  },
  'build-task': {
    fits: ['kaniko', 'buildah'],
    contract: contract({ params: ['IMAGE', 'CONTEXT?', 'DOCKERFILE?'], workspaces: ['source', 'dockerconfig?'], results: ['IMAGE_URL', 'IMAGE_DIGEST'] }),
    claims: { IMAGE_URL: 'IMAGE_URL', IMAGE_DIGEST: 'IMAGE_DIGEST' },
  },
};

function contract({ params, workspaces, results }: Readonly<Record<'params' | 'workspaces' | 'results', readonly string[]>>): Contract {
  const marked = (names: readonly string[]) => new Map(names.map((name) => [name.replace('?', ''), { required: !name.endsWith('?') }]));
  return { params: marked(params), workspaces: marked(workspaces), results: new Set(results) };
}

/** The param that names the Task of a slot: `$(params.x)` as the name that the cluster resolver looks for. */
export function slotParam(use: PipelineTask): string | undefined {
  const name = use.taskRef?.name ?? use.taskRef?.params?.find((param) => param.name === 'name')?.value;
  return /^\$\(params\.([^()]+)\)$/.exec(name ?? '')?.[1];
}

export function slotContract(slot: Slot, tasks: Context['tasks']): Contract | undefined {
  return 'placeholder' in slot ? tasks.get(slot.placeholder) : slot.contract;
}

/** Whether a Task of the catalog does nothing but hold the place of a slot. */
export function isPlaceholder(name: string | undefined, slots: Context['slots']): boolean {
  return Object.values(slots).some((slot) => 'placeholder' in slot && slot.placeholder === name);
}

/** Whether a result of a Pipeline is a claim for Tekton Chains that it may make, because it only passes on what the Task of a slot has built. */
export function isRightfulClaim(result: Readonly<Record<string, unknown>>, { spec }: Resource, slots: Context['slots']): boolean {
  return (spec.tasks ?? []).some((use) => {
    const passedOn = slots[slotParam(use) ?? '']?.claims?.[String(result['name'])];
    return passedOn !== undefined && result['value'] === `$(tasks.${use.name}.results.${passedOn})`;
  });
}
