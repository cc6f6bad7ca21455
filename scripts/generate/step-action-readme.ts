// SPDX-License-Identifier: Apache-2.0
import type { TaskSpec } from '../../lib/spec/spec.ts';
import { code, table, yamlBlock } from './markdown.ts';
import { MIN_PIPELINES_VERSION } from './metadata.ts';
import { folderDescription, folderParam } from './step-action-yaml.ts';
import { toYaml } from './yaml-text.ts';

/** The README of a StepAction: only what differs from the Task, and how a Task uses it. */
export function stepActionReadme(spec: TaskSpec): string {
  const workspaces = Object.entries(spec.workspaces);
  const rows = workspaces.map(([name, workspace]) => [code(folderParam(name)), workspace.optional ? 'unset' : '**required**', folderDescription(workspace)]);
  return [
    `<!-- Generated from tasks/${spec.name}/spec.ts by "npm run generate". Do not edit. -->\n`,
    `# ${spec.name}: ${spec.title}\n`,
    `The step of the Task [${spec.name}](../../task/${spec.name}/README.md) as StepAction, to run beside other steps in one Pod. Params, results and exit codes are those of the Task, and params with folders take the place of its workspaces. A StepAction cannot say what resources it needs, so the Task that uses it does. Needs Tekton Pipelines ${MIN_PIPELINES_VERSION} or newer.\n`,
    '## Install\n',
    `\`\`\`sh\nkubectl apply -f catalog/stepaction/${spec.name}/${spec.name}.yaml\n\`\`\`\n`,
    '## Folders in place of workspaces\n',
    table(['Param', 'Default', 'What is mounted there'], rows, 'None.'),
    '## Use\n',
    yamlBlock(stepActionUse(spec)),
  ].join('\n');
}

/** A Task that uses the StepAction with everything it requires. */
function stepActionUse(spec: TaskSpec): string {
  const workspaces = Object.entries(spec.workspaces).filter(([, { optional }]) => !optional);
  const params = Object.entries(spec.params).filter(([name, { presence }]) => presence === 'required' || name === 'image');
  return toYaml(
    {
      apiVersion: 'tekton.dev/v1',
      kind: 'Task',
      metadata: { name: 'my-task' },
      spec: {
        params: params.map(([name]) => ({ name })),
        ...(workspaces.length > 0 && { workspaces: workspaces.map(([name, { readOnly }]) => ({ name, ...(readOnly && { readOnly }) })) }),
        steps: [
          {
            name: spec.name,
            ref: { name: spec.name },
            params: [
              ...params.map(([name]) => ({ name, value: `$(params.${name})` })),
              ...workspaces.map(([name]) => ({ name: folderParam(name), value: `$(workspaces.${name}.path)` })),
            ],
            computeResources: spec.resources,
          },
        ],
      },
    },
    `Later steps read a result as $(steps.${spec.name}.results.subject).`,
  );
}
