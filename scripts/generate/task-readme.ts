// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODE } from '../../lib/errors/errors.ts';
import type { ParamSpec, WorkspaceSpec } from '../../lib/spec/param.ts';
import type { TaskSpec } from '../../lib/spec/spec.ts';
import { code, table, yamlBlock } from './markdown.ts';
import { MIN_PIPELINES_VERSION } from './metadata.ts';
import type { TextFile } from './sources.ts';

/** The README of a Task: what the spec says as tables, then its NOTES.md word for word, then a sample. */
export function taskReadme(spec: TaskSpec, notes: string, samples: readonly TextFile[]): string {
  const [first] = samples;
  const parts = [
    `<!-- Generated from tasks/${spec.name}/spec.ts and NOTES.md by "npm run generate". Do not edit. -->\n`,
    `# ${spec.name}: ${spec.title}\n`,
    `${spec.description}\n`,
    `Needs Tekton Pipelines ${MIN_PIPELINES_VERSION} or newer. The same step for use inside other Tasks is the StepAction [${spec.name}](../../stepaction/${spec.name}/README.md).\n`,
    '## Install\n',
    `\`\`\`sh\nkubectl apply -f catalog/task/${spec.name}/${spec.name}.yaml\n\`\`\`\n`,
    '## Params\n',
    paramTable(spec),
    `The machine-readable form is [params.schema.json](params.schema.json).\n`,
    '## Workspaces\n',
    table(['Name', 'Needed', 'Access', 'What it holds'], Object.entries(spec.workspaces).map(workspaceRow), 'None.'),
    '## Results\n',
    table(
      ['Name', 'What it says'],
      Object.entries(spec.results).map(([name, { description }]) => [code(name), description]),
      'None.',
    ),
    '## When it fails\n',
    failureTable(spec),
    '## Network and rights\n',
    `Talks to: ${spec.network.join('; ')}. Nothing else.\n`,
    `Runs in a namespace of Pod Security level \`restricted\`, under any uid, with a read-only root file system. Requests ${spec.resources.requests.cpu} CPU and ${spec.resources.requests.memory} memory, limit ${spec.resources.limits.memory} memory. Needs no Kubernetes rights.\n`,
    `${notes.trim()}\n`,
    '## Sample\n',
    ...(first ? [yamlBlock(first.text)] : []),
    `All samples: ${samples.map(({ name }) => `[${name}](samples/${name})`).join(', ')}.\n`,
  ];
  return parts.join('\n');
}

/** Params as the README of a Task and of its StepAction list them. */
export function paramTable(spec: TaskSpec): string {
  const rows = Object.entries(spec.params).map(([name, param]) => [code(name), presence(param), param.description, code(param.example)]);
  return table(['Name', 'Default', 'What it is', 'Example'], rows, 'None.');
}

function presence(param: ParamSpec<unknown>): string {
  if (param.presence === 'required') return '**required**';
  return param.default ? code(param.default) : 'unset';
}

function workspaceRow([name, { optional, readOnly, description }]: [string, WorkspaceSpec]): string[] {
  return [code(name), optional ? 'optional' : '**required**', readOnly ? 'read' : 'read, write', description];
}

function failureTable(spec: TaskSpec): string {
  const exits = Object.entries(EXIT_CODE).map(([kind, exit]) => `${code(String(exit))} ${kind}`);
  const rows = Object.entries(spec.failures).map(([name, { kind, hint }]) => [code(name), `${EXIT_CODE[kind]} ${kind}`, hint]);
  return `${table(['Code in the log', 'Exit', 'What to do'], rows, 'It has no failures of its own.')}\nExit codes: ${exits.join(', ')}. The result \`outcome\` says the same word.\n`;
}
