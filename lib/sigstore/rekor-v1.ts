// SPDX-License-Identifier: Apache-2.0
import { createHash, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { deniedError, type StepError, transientError } from '../errors/errors.ts';
import type { Http, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { encodeEnvelope } from '../intoto/dsse.ts';
import { redactUrl } from '../log/redact.ts';
import { checkpointKeyId, type LogKey, parseCheckpoint } from './checkpoint.ts';
import type { EntryLog, EnvelopeEntry } from './entry-log.ts';
import { leafHash, verifyInclusion } from './merkle.ts';

const DSSE = { kind: 'dsse', version: '0.0.1' } as const;
const HASHED_REKORD = { kind: 'hashedrekord', version: '0.0.1' } as const;
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_ANSWER = 1024 * 1024;
const ENTRY_ID = /^(?:[0-9a-f]{64}|[0-9a-f]{80})$/;

const index = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const base64 = z.base64().max(256 * 1024);
const Entry = z.object({
  body: base64,
  integratedTime: index,
  logID: hash,
  logIndex: index,
  verification: z.object({
    signedEntryTimestamp: base64,
    inclusionProof: z.object({ checkpoint: z.string().max(64 * 1024), hashes: z.array(hash).max(64), logIndex: index, rootHash: hash, treeSize: index }),
  }),
});
type Entry = z.output<typeof Entry>;
const DsseBody = z.object({
  kind: z.literal(DSSE.kind),
  apiVersion: z.literal(DSSE.version),
  spec: z.object({
    payloadHash: z.object({ algorithm: z.literal('sha256'), value: hash }),
    signatures: z.tuple([z.object({ signature: base64, verifier: base64 })]),
  }),
});

/**
 * The Rekor v1 log at `url` (rekor openapi.yaml), to which envelopes go as entries of kind dsse 0.0.1, other signatures as hashedrekord 0.0.1. It dates its entries, which a certificate needs within its validity.
 * What it answers is checked: our payload, signature and verifier, inclusion in the tree of its checkpoint, and the trusted key's id where there is one; promise and checkpoint signature are for the verification of the finished bundle.
 * Throws refused REKOR_REFUSED, transient REKOR_ENTRY_EXISTS, denied REKOR_ANSWER_INVALID, REKOR_ENTRY_FOREIGN, REKOR_PROOF_INVALID, CHECKPOINT_MALFORMED, CHECKPOINT_UNTRUSTED, and what lib/http throws.
 */
export function createRekorV1(options: { http: Http; url: string; logKey?: LogKey }): EntryLog {
  const { http, logKey } = options;
  const url = options.url.replace(/\/+$/, '');
  const name = redactUrl(url);
  return {
    datesEntries: true,
    async add(entry) {
      const response = await http({
        what: `add an entry to the log ${name}`,
        method: 'POST',
        url: `${url}/api/v1/log/entries`,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: proposedEntry(entry),
        // The same bytes again get 409 and are read back.
        retryable: true,
        timeoutMs: ANSWER_TIMEOUT_MS,
        maxBytes: MAX_ANSWER,
      });
      const answer = response.status === 409 ? await readBack(http, url, name, response) : response;
      if (answer.status !== 200 && answer.status !== 201) throw await refusal(answer, `add an entry to the log ${name}`, { code: 'REKOR_REFUSED' });
      const logged = parseEntry(await answer.body(), name);
      checkEntry(logged, entry, name, logKey);
      return bundleEntry(logged, kindOf(entry));
    },
  };
}

/** The entry of an earlier, lost answer, at the place that the log names. */
async function readBack(http: Http, url: string, name: string, conflict: HttpResponse): Promise<HttpResponse> {
  const id = conflict.headers['location']?.split('/').at(-1) ?? '';
  const exists = (problem: string): StepError =>
    transientError('REKOR_ENTRY_EXISTS', `log ${name} holds this entry already ${problem}`, { hint: 'run again; a new signature makes a new entry' });
  if (!ENTRY_ID.test(id)) throw exists('but does not say where');
  const found = await http({ what: `read the entry ${id} of the log ${name}`, url: `${url}/api/v1/log/entries/${id}`, maxBytes: MAX_ANSWER });
  if (found.status === 404) throw exists(`as ${id}, which cannot be read yet`);
  return found;
}

function kindOf({ envelope }: EnvelopeEntry): { kind: string; version: string } {
  return envelope ? DSSE : HASHED_REKORD;
}

function proposedEntry({ envelope, signature, ...entry }: EnvelopeEntry): Buffer {
  if (!envelope) return Buffer.from(JSON.stringify(hashedRekord({ signature, ...entry })));
  const proposedContent = { envelope: encodeEnvelope(envelope, signature), verifiers: [verifierOf(entry)] };
  return Buffer.from(JSON.stringify({ kind: DSSE.kind, apiVersion: DSSE.version, spec: { proposedContent } }));
}

/** A hashedrekord as it is proposed and, since the log adds nothing, as it is kept. Its hash goes by the length of the digest. */
function hashedRekord({ digest, signature, ...entry }: EnvelopeEntry): { kind: string; apiVersion: string; spec: object } {
  return {
    apiVersion: HASHED_REKORD.version,
    kind: HASHED_REKORD.kind,
    spec: {
      data: { hash: { algorithm: `sha${digest.length * 8}`, value: digest.toString('hex') } },
      signature: { content: signature.toString('base64'), publicKey: { content: verifierOf(entry) } },
    },
  };
}

/** Base64 of the PEM of certificate or key, as it stands in the entry. */
function verifierOf({ certificate, publicKey }: { certificate?: Buffer; publicKey: KeyObject }): string {
  return Buffer.from(certificate ? certificatePem(certificate) : publicKey.export({ format: 'pem', type: 'spki' })).toString('base64');
}

/** A certificate (DER) in PEM form, as Go writes it. */
export function certificatePem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function parseEntry(answer: Buffer, name: string): Entry {
  try {
    const [entry, ...more] = Object.values(JSON.parse(answer.toString('utf8')));
    if (more.length > 0) throw new Error('it holds more than one');
    return Entry.parse(entry);
  } catch (cause) {
    throw deniedError('REKOR_ANSWER_INVALID', `answer of the log ${name} is no entry of Rekor v1`, { cause });
  }
}

function checkEntry(logged: Entry, entry: EnvelopeEntry, name: string, logKey: LogKey | undefined): void {
  const what = `entry ${logged.logIndex} of the log ${name}`;
  const bytes = Buffer.from(logged.body, 'base64');
  if (!isOurs(bytes, entry)) throw deniedError('REKOR_ENTRY_FOREIGN', `${what} is not the one for this payload, signature and signer`);
  if (logKey && logged.logID !== checkpointKeyId(logKey).toString('hex'))
    throw deniedError('CHECKPOINT_UNTRUSTED', `${what} is of another log than the one that the trusted root names at its URL`);
  const { inclusionProof } = logged.verification;
  const checkpoint = parseCheckpoint(inclusionProof.checkpoint);
  const leaf = { hash: leafHash(bytes), index: inclusionProof.logIndex };
  const repeats = checkpoint.size === inclusionProof.treeSize && checkpoint.root.toString('hex') === inclusionProof.rootHash;
  const proof = inclusionProof.hashes.map((text) => Buffer.from(text, 'hex'));
  if (!repeats || !verifyInclusion(leaf, checkpoint, proof))
    throw deniedError('REKOR_PROOF_INVALID', `${what} has a proof that does not lead to the root of its checkpoint`);
}

function isOurs(bytes: Buffer, { envelope, ...entry }: EnvelopeEntry): boolean {
  // Canonical JSON sorts keys as the literal above does.
  if (!envelope) return bytes.toString('utf8') === JSON.stringify(hashedRekord(entry));
  let body: z.output<typeof DsseBody>;
  try {
    body = DsseBody.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return false;
  }
  const [logged] = body.spec.signatures;
  return (
    body.spec.payloadHash.value === createHash('sha256').update(envelope.payload).digest('hex') &&
    logged.signature === entry.signature.toString('base64') &&
    logged.verifier === verifierOf(entry)
  );
}

/** The entry in the form that it has in a bundle (protobuf-specs, TransparencyLogEntry, JSON). */
function bundleEntry({ body, integratedTime, logID, logIndex, verification }: Entry, kindVersion: { kind: string; version: string }): unknown {
  const { checkpoint, hashes, logIndex: leafIndex, rootHash, treeSize } = verification.inclusionProof;
  const fromHex = (text: string): string => Buffer.from(text, 'hex').toString('base64');
  return {
    logIndex: String(logIndex),
    logId: { keyId: fromHex(logID) },
    kindVersion,
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: verification.signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(leafIndex),
      rootHash: fromHex(rootHash),
      treeSize: String(treeSize),
      hashes: hashes.map(fromHex),
      checkpoint: { envelope: checkpoint },
    },
    canonicalizedBody: body,
  };
}
