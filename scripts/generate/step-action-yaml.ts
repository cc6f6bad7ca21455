// SPDX-License-Identifier: Apache-2.0
import { bugError } from '../../lib/errors/errors.ts';
import type { WorkspaceSpec } from '../../lib/spec/param.ts';
import { resultVariable, type TaskSpec, workspaceVariable } from '../../lib/spec/spec.ts';
import { catalogMetadata, imageOf } from './metadata.ts';
import { COMMAND, SECURITY_CONTEXT, stepArgs } from './step-shape.ts';
import { generatedFrom, paramDeclarations, resultDeclarations } from './task-yaml.ts';
import { toYaml } from './yaml-text.ts';

/**
 * The StepAction (tekton.dev/v1beta1) of a spec, for use as a step of any Task. A StepAction declares no workspaces or volumes
 * (Tekton docs/stepactions.md), so each workspace becomes a param with the folder that the Task mounted it at.
 */
export function stepActionYaml(spec: TaskSpec, version: string): string {
  const folders = Object.entries(spec.workspaces);
  for (const [name] of folders) {
    if (Object.hasOwn(spec.params, folderParam(name)))
      throw bugError('PARAM_CLASH', `${spec.name}: param ${folderParam(name)} stands for the workspace ${name} already`);
  }
  const action = {
    apiVersion: 'tekton.dev/v1beta1',
    kind: 'StepAction',
    metadata: catalogMetadata(spec, version),
    spec: {
      description: spec.description,
      params: [
        ...paramDeclarations(spec),
        ...folders.map(([name, workspace]) => ({
          name: folderParam(name),
          description: folderDescription(workspace),
          ...(workspace.optional && { default: '' }),
        })),
      ],
      results: resultDeclarations(spec),
      image: imageOf(spec.name, version),
      command: COMMAND,
      args: stepArgs(spec),
      env: [
        ...Object.keys(spec.results).map((name) => ({ name: resultVariable(name), value: `$(step.results.${name}.path)` })),
        ...folders.map(([name]) => ({ name: workspaceVariable(name), value: `$(params.${folderParam(name)})` })),
      ],
      securityContext: SECURITY_CONTEXT,
    },
  };
  return toYaml(action, generatedFrom(spec));
}

/** The param of a StepAction that stands for a workspace of the Task. */
export function folderParam(workspace: string): string {
  return `${workspace}-path`;
}

/** What has to be mounted at the folder that the param names. */
export function folderDescription({ description, readOnly }: WorkspaceSpec): string {
  return `Path where the Task mounts this (${readOnly ? 'read access is enough' : 'writable'}): ${description}`;
}
