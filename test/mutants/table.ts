// SPDX-License-Identifier: Apache-2.0
import type { Mutant } from './mutant.ts';
import { DELIVERY_MUTANTS } from './table/delivery.ts';
import { FRAME_MUTANTS } from './table/frame.ts';
import { GATE_MUTANTS } from './table/gate.ts';
import { JUDGEMENT_MUTANTS } from './table/judgement.ts';
import { PROOF_MUTANTS } from './table/proof.ts';
import { REMOTE_MUTANTS } from './table/remote.ts';
import { SIGNING_MUTANTS } from './table/signing.ts';

/** Every committed mutation. */
export const MUTANTS: readonly Mutant[] = [
  ...PROOF_MUTANTS,
  ...SIGNING_MUTANTS,
  ...REMOTE_MUTANTS,
  ...JUDGEMENT_MUTANTS,
  ...FRAME_MUTANTS,
  ...GATE_MUTANTS,
  ...DELIVERY_MUTANTS,
];
