// SPDX-License-Identifier: Apache-2.0
import type { NewEntry } from './rekor.ts';

/** A signature that is to be logged. Rekor v2 takes the digest of what was signed, and so does Rekor v1 unless that is a DSSE envelope, which it takes. */
export type EnvelopeEntry = NewEntry & { envelope?: { payload: Buffer; payloadType: string } };

/** A transparency log that signatures go to; `add` gives the entry as it stands in `verificationMaterial.tlogEntries` of a bundle. */
export type EntryLog = {
  /** The log signs the time of each entry (Rekor v1), and that time has to lie within the validity of a certificate. */
  datesEntries?: boolean;
  add(entry: EnvelopeEntry): Promise<unknown>;
};
