// SPDX-License-Identifier: Apache-2.0
import type { Inputs } from '../../lib/spec/spec.ts';
import type { Checked } from './params.ts';
import type { spec } from './spec.ts';

type Given = Inputs<typeof spec>['params'];
/** Params whose wrong value is left out. */
type Lenient = 'url' | 'repository' | 'revision' | 'pull-request';
type Value<T> = T extends { value: infer V } ? V : never;

/** The params of the step as its channels use them. */
export type ToldParams = Omit<Given, Lenient> & { [Name in Lenient]: Value<Given[Name]> | undefined };

/** The params, and by name what is wrong with those that were left out. */
export function toldParams(given: Given): { params: ToldParams; problems: ReadonlyMap<string, string> } {
  const problems = new Map<string, string>();
  const take = <T>(name: Lenient, param: Checked<T> | undefined): T | undefined => {
    if (param === undefined || 'value' in param) return param?.value;
    problems.set(name, param.problem);
    return undefined;
  };
  const params = {
    ...given,
    url: take('url', given.url),
    repository: take('repository', given.repository),
    revision: take('revision', given.revision),
    'pull-request': take('pull-request', given['pull-request']),
  };
  return { params, problems };
}
