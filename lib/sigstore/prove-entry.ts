// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import { deniedError } from '../errors/errors.ts';
import { preAuthenticationEncoding } from '../intoto/dsse.ts';
import type { DsseBundle } from './bundle.ts';
import { type Checkpoint, checkpointKeyId, type LogKey } from './checkpoint.ts';
import { entryVerifier } from './entry-key.ts';
import { HASHED_REKORD, hashedRekordBody, type KeyDetails, keyDetailsOf, type SignedDigest } from './hashedrekord.ts';
import { checkLogEntry, parseLogEntry } from './log-entry.ts';
import { leafHash } from './merkle.ts';
import type { Rekor } from './rekor.ts';

/** Proves entries against one checkpoint of the log, read once. */
export type EntryProver = { checkpoint: Checkpoint; prove(bundle: DsseBundle, what: string): Promise<'proved' | 'elsewhere'> };

/**
 * A prover for the log as it is now. For each bundle: the entry belongs to its signature, is included in the tree of the newest checkpoint, and that tree only grew since the entry was promised.
 * `elsewhere` is the answer for entries of other logs. Throws denied LOG_ENTRY_INVALID, REKOR_ENTRY_FOREIGN, REKOR_PROOF_INVALID, CHECKPOINT_*, LOG_FORKED, LOG_SHRANK, and what reading the log throws.
 */
export async function createEntryProver(rekor: Rekor, logKey: LogKey): Promise<EntryProver> {
  const current = await rekor.checkpoint();
  const keyId = checkpointKeyId(logKey);
  return {
    checkpoint: current,
    async prove(bundle, what) {
      const own = bundle.logEntries.find(
        (entry) => entry.logId?.keyId && Buffer.from(entry.logId.keyId).equals(keyId) && entry.kindVersion?.kind === HASHED_REKORD.kind,
      );
      if (!own) return 'elsewhere';
      const name = `${logKey.origin} in ${what}`;
      const entry = parseLogEntry(Buffer.from(JSON.stringify(TransparencyLogEntry.toJSON(own))), name);
      const body = hashedRekordBody(signedDigest(bundle, Buffer.from(entry.canonicalizedBody, 'base64'), what));
      const promised = checkLogEntry(entry, body, { name, key: logKey });
      await rekor.proveConsistency({ from: promised, to: current });
      await rekor.proveInclusion({ leafHash: leafHash(body), index: Number(entry.logIndex), checkpoint: current });
      return 'proved';
    },
  };
}

/** What the log must have been asked to log for this bundle, with the key or certificate that the entry names: the entry has to equal it byte for byte. */
function signedDigest(bundle: DsseBundle, body: Buffer, what: string): SignedDigest {
  let verifier: SignedDigest['verifier'];
  let keyDetails: KeyDetails;
  try {
    verifier = entryVerifier(body);
    keyDetails = keyDetailsOf(publicKeyOf(verifier));
  } catch (cause) {
    throw deniedError('LOG_ENTRY_INVALID', `the log entry of ${what} does not name a public key or certificate that a log takes`, { cause });
  }
  const { content } = bundle.bundle.verificationMaterial;
  const certificate = content.$case === 'certificate' ? content.certificate.rawBytes : undefined;
  const isSame = 'x509Certificate' in verifier ? certificate?.equals(verifier.x509Certificate) === true : certificate === undefined;
  if (!isSame) throw deniedError('LOG_ENTRY_INVALID', `the log entry of ${what} names another signer than the bundle`);
  const digest = createHash(keyDetails.hash).update(preAuthenticationEncoding(bundle.payloadType, bundle.payload)).digest();
  return { digest, signature: bundle.signature, keyDetails, verifier };
}

function publicKeyOf(verifier: SignedDigest['verifier']): KeyObject {
  if ('x509Certificate' in verifier) return new X509Certificate(verifier.x509Certificate).publicKey;
  return createPublicKey({ key: verifier.publicKey, format: 'der', type: 'spki' });
}
