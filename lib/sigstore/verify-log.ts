// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { TransparencyLogEntry as BundleEntry } from '@sigstore/bundle';
import { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import { deniedError } from '../errors/errors.ts';
import type { DsseBundle } from './bundle.ts';
import { trustedLogKey } from './checkpoint.ts';
import { DSSE_V2, dsseV2Body, HASHED_REKORD, hashedRekordBody, keyDetailsOf } from './hashedrekord.ts';
import { checkLogEntry, parseLogEntry } from './log-entry.ts';
import { spkiDer } from './public-key.ts';
import { signedDigest } from './signed-content.ts';
import type { Trust } from './trusted-root.ts';
import { checkV1Entry, isV1Entry, type LoggedSigner, type V1Proof } from './v1-entry.ts';
import type { ProvenTime } from './verified-time.ts';

/** A verified entry: base URL of the log in the trusted root, name in the checkpoint, index, and size of the tree that inclusion was proved in, absent where the log promised it and nothing proves it (`V1Proof`). */
export type VerifiedLogEntry = { log: string; origin: string; index: number; treeSize?: number };

/** What the log entries of a bundle prove: a verified entry, and when logs took the signature where they sign that (Rekor v1); or in words why there is none. */
export type LogFinding = { entry: VerifiedLogEntry; times: readonly ProvenTime[] } | { problem: string };

type TrustedLog = Trust['tlogs'][number];

/** As sigstore-go has it; more are an attack on the time of whoever verifies. */
const MAX_ENTRIES = 32;

/**
 * Verifies the log entries of a bundle that `signer` signed: entry body against signature and key (or the certificate itself), inclusion proof, and the checkpoint against the trusted logs.
 * `times` are those that timestamp authorities vouch for: a log must have been trusted then.
 * Entries of logs that are not trusted prove nothing and do no harm beside one that is; an entry that a trusted log does not vouch for is a forgery and throws denied LOG_ENTRY_INVALID, naming `what`.
 */
export function verifyLogEntries(bundle: DsseBundle, signer: LoggedSigner, trust: Trust | undefined, what: string, times: readonly Date[] = []): LogFinding {
  if (bundle.logEntries.length === 0) return { problem: 'it holds no transparency log entry' };
  if (!trust) return { problem: 'no trusted root was given, so its log entry cannot be verified' };
  try {
    if (bundle.logEntries.length > MAX_ENTRIES) throw new Error(`there are ${bundle.logEntries.length}, more than ${MAX_ENTRIES}`);
    const trusted = bundle.logEntries.flatMap(({ logId, kindVersion, ...rest }) => {
      const log = trust.tlogs.find((candidate) => logId !== undefined && candidate.logID.equals(logId.keyId));
      return log && logId && kindVersion ? [{ entry: { ...rest, logId, kindVersion }, log }] : [];
    });
    const bodies = new Set(trusted.map(({ entry, log }) => `${log.logID.toString('hex')} ${entry.canonicalizedBody.toString('base64')}`));
    if (bodies.size < trusted.length) throw new Error('it is there twice');
    const verified = trusted.map(({ entry, log }) => verifyEntry(entry, bundle, signer, log, times));
    const [first] = verified;
    if (!first) return { problem: 'its log entry is of a log that the trusted root does not name' };
    return { entry: first.entry, times: verified.flatMap(({ time }) => time ?? []) };
  } catch (cause) {
    throw deniedError('LOG_ENTRY_INVALID', `the log entry of ${what} is not what the log vouches for: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

function verifyEntry(
  entry: BundleEntry,
  bundle: DsseBundle,
  signer: LoggedSigner,
  log: TrustedLog,
  times: readonly Date[],
): { entry: VerifiedLogEntry; time: ProvenTime | undefined } {
  const { checkpoint, index, integratedTime } = isV1Entry(entry)
    ? checkV1Entry(entry, bundle, signer, trustedLogKey(log))
    : checkV2Entry(entry, bundle, signer, log);
  for (const time of integratedTime ? [...times, integratedTime] : times) {
    if (time < log.validFor.start || time > log.validFor.end)
      throw new Error(`it is of ${time.toISOString()}, when the trusted root did not trust the log ${log.baseURL}`);
  }
  return {
    entry: { log: log.baseURL, origin: checkpoint?.origin ?? trustedLogKey(log).origin, index, ...(checkpoint && { treeSize: checkpoint.size }) },
    time: integratedTime && { at: integratedTime, by: log.baseURL, proof: { $case: 'transparency-log', tlogEntry: entry } },
  };
}

/** What Rekor v2 was asked to log for this signature is made anew, and the entry has to be that, byte for byte. It says nothing about time. */
function checkV2Entry(entry: TransparencyLogEntry, bundle: DsseBundle, signer: LoggedSigner, log: TrustedLog): V1Proof {
  const parsed = parseLogEntry(Buffer.from(JSON.stringify(TransparencyLogEntry.toJSON(entry))), log.baseURL);
  const keyDetails = keyDetailsOf(signer.key);
  const verifier = signer.certificate ? { x509Certificate: signer.certificate } : { publicKey: spkiDer(signer.key) };
  const signed = { signature: bundle.signature, keyDetails, verifier };
  const isDsse = entry.kindVersion?.kind === DSSE_V2.kind && bundle.bundle.content.$case === 'dsseEnvelope';
  const body = isDsse
    ? dsseV2Body({ ...signed, payloadDigest: createHash('sha256').update(bundle.payload).digest() })
    : hashedRekordBody({ ...signed, digest: signedDigest(bundle, keyDetails.hash) });
  const checkpoint = checkLogEntry(parsed, body, { name: log.baseURL, key: trustedLogKey(log) }, isDsse ? DSSE_V2 : HASHED_REKORD);
  return { checkpoint, index: Number(parsed.logIndex), integratedTime: undefined };
}
