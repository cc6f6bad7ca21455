// SPDX-License-Identifier: Apache-2.0
import type { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import { toSignedEntity, Verifier } from '@sigstore/verify';
import { deniedError } from '../errors/errors.ts';
import type { DsseBundle } from './bundle.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { entryVerifier } from './entry-key.ts';
import { type NamedKey, spkiDer } from './public-key.ts';
import type { Trust } from './trusted-root.ts';

/** A verified entry: base URL of the log in the trusted root, name in the checkpoint, index, and size of the tree that inclusion was proved in. */
export type VerifiedLogEntry = { log: string; origin: string; index: number; treeSize: number };

/** What the log entries of a bundle prove: a verified entry, or in words why there is none. */
export type LogFinding = { entry: VerifiedLogEntry } | { problem: string };

/**
 * Verifies the log entries of a bundle that `key` signed: entry body against signature and key, inclusion proof, and the checkpoint against the trusted logs.
 * Entries of logs that are not trusted prove nothing and do no harm beside one that is; an entry that a trusted log does not vouch for is a forgery and throws denied LOG_ENTRY_INVALID, naming `what`.
 */
export function verifyLogEntries(bundle: DsseBundle, key: NamedKey, trust: Trust | undefined, what: string): LogFinding {
  if (bundle.logEntries.length === 0) return { problem: 'it holds no transparency log entry' };
  if (!trust) return { problem: 'no trusted root was given, so its log entry cannot be verified' };
  const trusted = bundle.logEntries.filter((entry) => findLog(entry, trust));
  const [first] = trusted;
  if (!first) return { problem: 'its log entry is of a log that the trusted root does not name' };
  const material = { ...trust, publicKey: () => ({ publicKey: key.key, validFor: () => true }) };
  try {
    const entity = toSignedEntity(bundle.bundle);
    const tlogEntries = entity.tlogEntries.filter((entry) => trust.tlogs.some((log) => log.logID.equals(entry.logId.keyId)));
    new Verifier(material, { tlogThreshold: 1, timestampThreshold: 0 }).verify({ ...entity, tlogEntries, timestamps: [] });
    for (const entry of trusted) checkEntry(entry, key);
  } catch (cause) {
    throw deniedError('LOG_ENTRY_INVALID', `the log entry of ${what} is not what the log vouches for: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
  return { entry: describe(first, trust) };
}

function findLog(entry: TransparencyLogEntry, trust: Trust): Trust['tlogs'][number] | undefined {
  return trust.tlogs.find((log) => entry.logId?.keyId !== undefined && log.logID.equals(entry.logId.keyId));
}

/** What @sigstore/verify leaves open: that the entry names the signing key, that the index outside the proof is the one inside, and that tree size and root beside the checkpoint are those of it. */
function checkEntry(entry: TransparencyLogEntry, key: NamedKey): void {
  if (entry.kindVersion?.kind !== 'hashedrekord' || entry.kindVersion.version !== '0.0.2') return;
  if (entry.logIndex !== entry.inclusionProof?.logIndex)
    throw new Error(`it claims index ${entry.logIndex} and proves index ${entry.inclusionProof?.logIndex}`);
  const { treeSize, rootHash, checkpoint } = entry.inclusionProof;
  const { size, root } = parseCheckpoint(checkpoint?.envelope ?? '');
  if (treeSize !== String(size) || !root.equals(rootHash)) throw new Error('it repeats its checkpoint wrongly');
  const logged = entryVerifier(entry.canonicalizedBody);
  if (!('publicKey' in logged) || !logged.publicKey.equals(spkiDer(key.key))) throw new Error('it names another key than the one that signed');
}

function describe(entry: TransparencyLogEntry, trust: Trust): VerifiedLogEntry {
  return {
    log: findLog(entry, trust)?.baseURL ?? '',
    origin: entry.inclusionProof?.checkpoint?.envelope.split('\n', 1)[0] ?? '',
    index: Number(entry.logIndex),
    treeSize: Number(entry.inclusionProof?.treeSize ?? 0),
  };
}
