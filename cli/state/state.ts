// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';

/** The folders of the laptop run. `registry`, `log`, `grafeas`, `git` and `keys` hold what cannot be made again; everything else may be deleted at any time. */
export type State = {
  root: string;
  registry: string;
  log: string;
  grafeas: string;
  git: string;
  keys: string;
  trust: string;
  policy: string;
  reports: string;
  temp: string;
  servicesFile: string;
};

/** The state folder that commands take when none is named, below the working folder. */
export const DEFAULT_STATE = '.supply-chain';

/** The state below `root`; the folders are made, readable only by their owner. Throws input STATE_UNUSABLE. */
export async function openState(root: string): Promise<State> {
  const base = resolve(root);
  const below = (name: string): string => join(base, name);
  const state: State = {
    root: base,
    registry: below('registry'),
    log: below('log'),
    grafeas: below('grafeas'),
    git: below('git'),
    keys: below('keys'),
    trust: below('trust'),
    policy: below('policy'),
    reports: below('reports'),
    temp: below('temp'),
    servicesFile: below('services.json'),
  };
  try {
    for (const folder of [base, state.registry, state.log, state.grafeas, state.git, state.keys, state.trust, state.policy, state.reports, state.temp])
      await mkdir(folder, { recursive: true });
    await chmod(base, 0o700);
    await chmod(state.keys, 0o700);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw inputError('STATE_UNUSABLE', `${base} cannot be the state folder of a laptop run${why}`, { cause, hint: 'give another folder with --state' });
  }
  return state;
}
