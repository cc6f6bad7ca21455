// SPDX-License-Identifier: Apache-2.0
import { resultVariable, type TaskSpec, workspaceVariable } from '../../lib/spec/spec.ts';
import { catalogMetadata, imageOf } from './metadata.ts';
import { COMMAND, SECURITY_CONTEXT, stepArgs } from './step-shape.ts';
import { toYaml } from './yaml-text.ts';

/** The Task (tekton.dev/v1) of a spec. `$(workspaces.x.path)` of an optional workspace that is not bound is empty (Tekton docs/variables.md), which the step takes for unset. */
export function taskYaml(spec: TaskSpec, version: string): string {
  const task = {
    apiVersion: 'tekton.dev/v1',
    kind: 'Task',
    metadata: catalogMetadata(spec, version),
    spec: {
      description: spec.description,
      params: paramDeclarations(spec),
      workspaces: Object.entries(spec.workspaces).map(([name, { description, optional, readOnly }]) => ({
        name,
        description,
        ...(optional && { optional }),
        ...(readOnly && { readOnly }),
      })),
      results: resultDeclarations(spec),
      steps: [
        {
          name: spec.name,
          image: imageOf(spec.name, version),
          command: COMMAND,
          args: stepArgs(spec),
          env: [
            ...Object.keys(spec.results).map((name) => ({ name: resultVariable(name), value: `$(results.${name}.path)` })),
            ...Object.keys(spec.workspaces).map((name) => ({ name: workspaceVariable(name), value: `$(workspaces.${name}.path)` })),
          ],
          computeResources: spec.resources,
          securityContext: SECURITY_CONTEXT,
        },
      ],
    },
  };
  return toYaml(task, generatedFrom(spec));
}

export function paramDeclarations(spec: TaskSpec): object[] {
  return Object.entries(spec.params).map(([name, param]) => ({
    name,
    description: param.description,
    ...(param.default !== undefined && { default: param.default }),
  }));
}

export function resultDeclarations(spec: TaskSpec): object[] {
  return Object.entries(spec.results).map(([name, { description }]) => ({ name, description }));
}

export function generatedFrom(spec: TaskSpec): string {
  return `Generated from tasks/${spec.name}/spec.ts by "npm run generate". Do not edit.`;
}
