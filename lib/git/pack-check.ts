// SPDX-License-Identifier: Apache-2.0
import { type PackLimits, packEntries } from './pack-entries.ts';

/** Reads a whole pack and keeps nothing: what isomorphic-git unpacks has been checked before. Throws what `packEntries` throws. */
export function checkPack(pack: Buffer, limits: PackLimits, what: string): void {
  for (const _ of packEntries(pack, limits, what));
}
