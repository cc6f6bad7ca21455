// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { deniedError, type StepError } from '../errors/errors.ts';
import { type Checkpoint, checkpointKeyId, type LogKey, parseCheckpoint, strictBase64, verifyCheckpoint } from './checkpoint.ts';
import { HASHED_REKORD } from './hashedrekord.ts';
import { HASH_SIZE, leafHash, verifyInclusion } from './merkle.ts';

const base64 = z
  .string()
  .max(128 * 1024)
  .refine((text) => strictBase64(text) !== undefined, 'is not base64');
const hash = base64.refine((text) => Buffer.from(text, 'base64').length === HASH_SIZE, 'is not a SHA-256 hash');
// protojson writes 64-bit numbers as strings and, depending on the server, leaves out zeros.
const count = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,18})$/)
  .refine((text) => Number.isSafeInteger(Number(text)), 'is beyond 2^53')
  .default('0');

const logEntrySchema = z.object({
  logIndex: count,
  logId: z.object({ keyId: hash }),
  kindVersion: z.object({ kind: z.string().max(64), version: z.string().max(64) }),
  integratedTime: count,
  inclusionProof: z.object({
    logIndex: count,
    rootHash: hash,
    treeSize: count,
    hashes: z.array(hash).max(64).default([]),
    checkpoint: z.object({ envelope: z.string().max(64 * 1024) }),
  }),
  canonicalizedBody: base64,
});

/** A log entry in the JSON form it has in a sigstore bundle (protobuf-specs, dev.sigstore.rekor.v1.TransparencyLogEntry): 64-bit numbers as strings, bytes as base64. */
export type LogEntry = z.output<typeof logEntrySchema>;

/** A log's answer as an entry, without a look at its truth. Fields that a Rekor v2 entry does not have are dropped. Throws denied REKOR_ANSWER_INVALID. */
export function parseLogEntry(answer: Buffer, logName: string): LogEntry {
  let json: unknown;
  try {
    json = JSON.parse(answer.toString('utf8'));
  } catch (cause) {
    throw deniedError('REKOR_ANSWER_INVALID', `answer of the log ${logName} is no JSON`, { cause });
  }
  const parsed = logEntrySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')} ${issue.message}`);
  throw deniedError('REKOR_ANSWER_INVALID', `answer of the log ${logName} is no entry of Rekor v2: ${problems.join('; ')}`);
}

/** The entry made from what is known of it; what is given must have been verified. */
export function makeLogEntry(parts: { body: Buffer; index: number; proof: readonly Buffer[]; checkpoint: Checkpoint; keyId: Buffer }): LogEntry {
  return {
    logIndex: String(parts.index),
    logId: { keyId: parts.keyId.toString('base64') },
    kindVersion: { ...HASHED_REKORD },
    integratedTime: '0',
    inclusionProof: {
      logIndex: String(parts.index),
      rootHash: parts.checkpoint.root.toString('base64'),
      treeSize: String(parts.checkpoint.size),
      hashes: parts.proof.map((sibling) => sibling.toString('base64')),
      checkpoint: { envelope: parts.checkpoint.envelope },
    },
    canonicalizedBody: parts.body.toString('base64'),
  };
}

/**
 * Checks that an entry of Rekor v2 is the one with this canonical body (of a hashedrekord, unless `kind` says otherwise) and that its proof holds: the body, kind and version are ours, the
 * audit path leads to the root of the entry's checkpoint, root and size beside the checkpoint repeat it, and the checkpoint is signed by
 * the trusted log (without a trusted key: carries at least a line of the log that the entry names).
 * Gives the checkpoint. Throws denied REKOR_ENTRY_FOREIGN, REKOR_PROOF_INVALID, CHECKPOINT_MALFORMED and CHECKPOINT_UNTRUSTED.
 */
export function checkLogEntry(
  entry: LogEntry,
  body: Buffer,
  log: { name: string; key: LogKey | undefined },
  kind: LogEntry['kindVersion'] = HASHED_REKORD,
): Checkpoint {
  if (entry.canonicalizedBody !== body.toString('base64') || entry.kindVersion.kind !== kind.kind || entry.kindVersion.version !== kind.version) {
    throw deniedError('REKOR_ENTRY_FOREIGN', `entry ${entry.logIndex} of the log ${log.name} is not the one for this digest, signature and key`);
  }
  const { envelope } = entry.inclusionProof.checkpoint;
  const checkpoint = log.key === undefined ? parseCheckpoint(envelope) : verifyCheckpoint(envelope, log.key);
  const keyId = Buffer.from(entry.logId.keyId, 'base64');
  const named =
    log.key === undefined
      ? checkpoint.signatures.some((line) => line.keyId.equals(keyId.subarray(0, line.keyId.length)))
      : keyId.equals(checkpointKeyId(log.key));
  if (!named) throw proofInvalid(log.name, entry, 'names another log than the one that signed its checkpoint');
  const { logIndex, rootHash, treeSize, hashes } = entry.inclusionProof;
  if (logIndex !== entry.logIndex) throw proofInvalid(log.name, entry, `is proven at another index (${logIndex})`);
  if (Number(treeSize) !== checkpoint.size || rootHash !== checkpoint.root.toString('base64'))
    throw proofInvalid(log.name, entry, 'repeats its checkpoint wrongly');
  const leaf = { hash: leafHash(body), index: Number(entry.logIndex) };
  const proof = hashes.map((text) => Buffer.from(text, 'base64'));
  if (!verifyInclusion(leaf, checkpoint, proof)) throw proofInvalid(log.name, entry, 'has a proof that does not lead to the root of its checkpoint');
  return checkpoint;
}

function proofInvalid(logName: string, entry: LogEntry, problem: string): StepError {
  return deniedError('REKOR_PROOF_INVALID', `entry ${entry.logIndex} of the log ${logName} ${problem}`);
}
