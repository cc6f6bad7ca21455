// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import type { Mutant } from './mutant.ts';
import { drawSample, parseSeed, seedOfDay } from './sample.ts';

export const USAGE = `npm run mutants -- [--only ID,…] [--sample N [--seed NUMBER|COMMIT]] [--peers] [--list]

Without options: every mutant whose tests need Node alone.
  --only ID,…   these, also those that need real peers
  --sample N    a few of them, other ones each day
  --seed S      which few: a number or the hash of a commit instead of the day
  --peers       also those whose tests need real peers
  --list        say what there is and run nothing`;

export type Choice = { list: boolean; mutants: readonly Mutant[] };

/** The mutants that the arguments ask for; `now` in ms since the epoch. Throws an Error for arguments that make no sense. */
export function choose(argv: readonly string[], table: readonly Mutant[], now: number): Choice {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      sample: { type: 'string' },
      seed: { type: 'string' },
      peers: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const known = table.filter(({ peers }) => peers === undefined || values.peers || values.list);
  if (values.only !== undefined) return { list: values.list, mutants: named(values.only, table) };
  if (values.seed !== undefined && values.sample === undefined) throw new Error('--seed says which sample, and --sample is not given');
  if (values.sample === undefined) return { list: values.list, mutants: known };
  const seed = values.seed === undefined ? seedOfDay(now) : parseSeed(values.seed);
  if (!/^[1-9]\d{0,3}$/.test(values.sample)) throw new Error(`--sample must be a number of mutants, not "${values.sample}"`);
  if (seed === undefined) throw new Error(`--seed must be a number or the hash of a commit, not "${values.seed}"`);
  return { list: values.list, mutants: drawSample(known, Number(values.sample), seed) };
}

function named(list: string, table: readonly Mutant[]): Mutant[] {
  return list.split(',').map((id) => {
    const mutant = table.find((one) => one.id === id);
    if (!mutant) throw new Error(`there is no mutant "${id}"; --list shows all`);
    return mutant;
  });
}
