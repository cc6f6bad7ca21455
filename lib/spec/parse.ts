// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { inputError } from '../errors/errors.ts';
import type { ParamSpec, WorkspaceSpec } from './param.ts';
import { type AnyTaskSpec, type Inputs, workspaceVariable } from './spec.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Params from `--name=value` arguments and workspaces from `WORKSPACE_<NAME>` variables, as the Task passes them.
 * Throws input PARAMS_INVALID that names every problem at once, each by the param or workspace as the user wrote it.
 */
export function parseInputs<S extends AnyTaskSpec>(spec: S, argv: readonly string[], env: Env): Inputs<S> {
  const problems: string[] = [];
  const given = readArguments(spec, argv, problems);
  const params: Record<string, unknown> = {};
  for (const [name, param] of Object.entries(spec.params as Record<string, ParamSpec<unknown>>)) {
    params[name] = readParam(name, param, given[name] ?? '', problems);
  }
  const workspaces: Record<string, string | undefined> = {};
  for (const [name, workspace] of Object.entries(spec.workspaces as Record<string, WorkspaceSpec>)) {
    workspaces[name] = env[workspaceVariable(name)] || undefined;
    if (workspaces[name] === undefined && !workspace.optional) problems.push(`workspace ${name}: is not bound`);
  }
  if (problems.length > 0) {
    throw inputError('PARAMS_INVALID', `${spec.name} cannot start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, {
      hint: `change the params or workspaces named above; "--help" lists all of ${spec.name}`,
    });
  }
  return Object.freeze({ params: Object.freeze(params), workspaces: Object.freeze(workspaces) }) as Inputs<S>;
}

function readArguments(spec: AnyTaskSpec, argv: readonly string[], problems: string[]): Record<string, string | undefined> {
  const options = Object.fromEntries(Object.keys(spec.params).map((name) => [name, { type: 'string' as const }]));
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const given: Record<string, string | undefined> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`"${withoutCredentials(token.value).slice(0, 80)}": is not a param; write --name=value`);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(spec.params, token.name)) problems.push(`${token.rawName}: there is no such param`);
    else if (token.value === undefined) problems.push(`${token.rawName}: has no value; write ${token.rawName}=value`);
    else if (Object.hasOwn(given, token.name)) problems.push(`${token.rawName}: is given twice`);
    else given[token.name] = token.value;
  }
  return given;
}

function readParam(name: string, param: ParamSpec<unknown>, text: string, problems: string[]): unknown {
  if (text === '' && param.presence === 'required') problems.push(`param ${name}: must be given, e.g. ${param.example}`);
  if (text === '' && param.presence !== 'defaulted') return undefined;
  const parsed = param.schema.safeParse(text === '' ? param.default : text);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    problems.push(`param ${name}: ${withoutCredentials(issue.message)} (got "${withoutCredentials(text).slice(0, 200)}")`);
  }
  return undefined;
}

/** The text with the user info of a URL hidden: nobody should write one, and whoever did must not find it in the log. */
function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/?#\s]*@/g, '//***@');
}
