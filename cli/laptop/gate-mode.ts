// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';

/** Who answers an approval gate on this machine: the person at the terminal, or nobody (`auto`: every gate is approved at once, and shown as such). */
export type GateMode = 'ask' | 'auto';

/** The mode to use: what was asked for, else `ask` at a terminal and `auto` elsewhere. Throws input GATE_NO_TERMINAL for `ask` without one. */
export function chooseGateMode(given: GateMode | undefined, terminal: { input: boolean; output: boolean }): GateMode {
  const canAsk = terminal.input && terminal.output;
  if (given !== 'ask' || canAsk) return given ?? (canAsk ? 'ask' : 'auto');
  throw inputError('GATE_NO_TERMINAL', `gates cannot be asked about: ${terminal.input ? 'standard error' : 'standard input'} is no terminal`, {
    hint: 'run it in a terminal, or say --gate auto to have every gate approved without asking, which the record of the run then shows',
  });
}
