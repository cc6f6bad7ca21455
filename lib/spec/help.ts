// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODE } from '../errors/errors.ts';
import type { ParamSpec, ResultSpec, WorkspaceSpec } from './param.ts';
import { type AnyTaskSpec, type FailureSpec, workspaceVariable } from './spec.ts';

/** The text of `--help`: what the step does, its params, workspaces, results and exit codes. */
export function helpText(spec: AnyTaskSpec, version: string): string {
  const params = Object.entries(spec.params as Record<string, ParamSpec<unknown>>).map(([name, param]) =>
    entry(`--${name}=`, param.description, presence(param)),
  );
  const workspaces = Object.entries(spec.workspaces as Record<string, WorkspaceSpec>).map(([name, workspace]) =>
    entry(workspaceVariable(name), workspace.description, workspace.optional ? 'optional' : 'required'),
  );
  const results = Object.entries(spec.results as Record<string, ResultSpec>).map(([name, result]) => entry(name, result.description));
  const failures = Object.entries(spec.failures as Record<string, FailureSpec>).map(([code, failure]) =>
    entry(code, failure.hint, `exit ${EXIT_CODE[failure.kind]}`),
  );
  return [
    `${spec.name} ${version}: ${spec.title}`,
    '',
    spec.description,
    section('Params', params),
    section('Workspaces (env variables with a folder)', workspaces),
    section('Results (files named by RESULT_<NAME>)', results),
    section('Failures', failures),
    '',
    `Exit codes: ${Object.entries(EXIT_CODE)
      .map(([kind, code]) => `${code} ${kind}`)
      .join(', ')}.`,
    '',
  ].join('\n');
}

function section(title: string, entries: readonly string[]): string {
  return entries.length === 0 ? '' : `\n${title}\n${entries.join('\n')}`;
}

function entry(name: string, description: string, note?: string): string {
  return `  ${name}${note ? `  [${note}]` : ''}\n      ${description}`;
}

function presence(param: ParamSpec<unknown>): string {
  if (param.presence === 'required') return 'required';
  return param.default ? `default ${param.default}` : 'optional';
}
