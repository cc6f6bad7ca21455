// SPDX-License-Identifier: Apache-2.0
import type { Mutant } from './mutant.ts';
import { ADMISSION_MUTANTS } from './table/admission.ts';
import { DELIVERY_MUTANTS } from './table/delivery.ts';
import { FRAME_MUTANTS } from './table/frame.ts';
import { GATE_MUTANTS } from './table/gate.ts';
import { JUDGEMENT_MUTANTS } from './table/judgement.ts';
import { KEY_MUTANTS } from './table/keys.ts';
import { PROOF_MUTANTS } from './table/proof.ts';
import { REMOTE_MUTANTS } from './table/remote.ts';
import { RULE_MUTANTS } from './table/rules.ts';
import { SIGNING_MUTANTS } from './table/signing.ts';

/** Every committed mutation. */
export const MUTANTS: readonly Mutant[] = [
  ...PROOF_MUTANTS,
  ...SIGNING_MUTANTS,
  ...KEY_MUTANTS,
  ...REMOTE_MUTANTS,
  ...JUDGEMENT_MUTANTS,
  ...RULE_MUTANTS,
  ...FRAME_MUTANTS,
  ...GATE_MUTANTS,
  ...ADMISSION_MUTANTS,
  ...DELIVERY_MUTANTS,
];
