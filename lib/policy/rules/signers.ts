// SPDX-License-Identifier: Apache-2.0
import type { Signer } from '../../evidence/evidence.ts';
import type { SignerRequirement } from '../schema-parts.ts';

/** How a requirement stands against the signers that are there. Names are those of the policy. */
export type SignerStanding = { met: boolean; present: string[]; missing: string[] };

/**
 * Which key signed decides here: whether enough of the named signers are among those that verified. Signers are told apart by the fingerprint of their key, so that one key under
 * two names never counts twice.
 */
export function standing(requirement: SignerRequirement, signers: readonly Signer[]): SignerStanding {
  const { need, names } = normal(requirement);
  const present = names.filter((name) => signers.some((signer) => signer.name === name));
  const keys = new Set(signers.filter((signer) => names.includes(signer.name)).map((signer) => signer.fingerprint));
  return { met: present.length >= need && keys.size >= need, present, missing: names.filter((name) => !present.includes(name)) };
}

/** Whether the signer is one that the requirement names. */
export function isNamed(requirement: SignerRequirement, signer: Signer): boolean {
  return normal(requirement).names.includes(signer.name);
}

/** The requirement in words, to stand behind "signed by". */
export function signersInWords(requirement: SignerRequirement): string {
  const { need, names } = normal(requirement);
  const list = names.join(', ');
  if (names.length === 1) return list;
  if ('any' in requirement) return `any of ${list}`;
  return need === names.length ? `all of ${list}` : `${need} of ${list}`;
}

function normal(requirement: SignerRequirement): { need: number; names: string[] } {
  if ('any' in requirement) return { need: 1, names: requirement.any };
  if ('all' in requirement) return { need: requirement.all.length, names: requirement.all };
  return { need: requirement.threshold, names: requirement.of };
}
