// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The folders of the laptop run. `registry`, `log`, `grafeas` and `keys` hold what cannot be made again; everything else may be deleted at any time. */
export type State = {
  root: string;
  registry: string;
  log: string;
  grafeas: string;
  keys: string;
  trust: string;
  policy: string;
  reports: string;
  temp: string;
  servicesFile: string;
};

/** The state below `root` (default `.supply-chain` in the working folder); the folders are made, readable only by their owner. */
export async function openState(root: string): Promise<State> {
  const base = resolve(root);
  const below = (name: string): string => join(base, name);
  const state: State = {
    root: base,
    registry: below('registry'),
    log: below('log'),
    grafeas: below('grafeas'),
    keys: below('keys'),
    trust: below('trust'),
    policy: below('policy'),
    reports: below('reports'),
    temp: below('temp'),
    servicesFile: below('services.json'),
  };
  for (const folder of [base, state.registry, state.log, state.grafeas, state.keys, state.trust, state.policy, state.reports, state.temp])
    await mkdir(folder, { recursive: true });
  await chmod(base, 0o700);
  await chmod(state.keys, 0o700);
  return state;
}
