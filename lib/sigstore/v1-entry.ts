// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import * as z from 'zod';
import type { DsseBundle } from './bundle.ts';
import { type Checkpoint, type LogKey, logDigest, verifyCheckpoint } from './checkpoint.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { hashAlgorithm, spkiDer } from './public-key.ts';
import { signedDigest } from './signed-content.ts';

/** Who must have signed what a log entry speaks of: the key, in the certificate when the bundle holds one. */
export type LoggedSigner = { key: KeyObject; certificate?: Buffer | undefined };

/** Bundles of version 0.1, and what cosign keeps under its legacy tags, hold the log's promise in place of a proof (protobuf-specs, TransparencyLogEntry.inclusion_promise). */
const PROMISES_ALONE = /[;.](?:version=|v)0\.1\b/;

/**
 * What an entry of Rekor v1 proves. `checkpoint` is undefined where the log promised inclusion and nothing proves it; `integratedTime` is when the log took it, undefined without the log's
 * signature about that; `index` counts the whole log with that signature, the tree without.
 */
export type V1Proof = { checkpoint: Checkpoint | undefined; index: number; integratedTime: Date | undefined };

/** What the body of an entry says, in one shape for all kinds. */
type Logged = { digest: string; hash: string; digestOf: 'payload' | 'signed bytes'; signature: string; verifier: string };

const Sha256 = z.object({ algorithm: z.literal('sha256'), value: z.string() });
const Sha2 = z.object({ algorithm: z.enum(['sha256', 'sha384', 'sha512']), value: z.string() });
const DSSE = z.object({
  spec: z.object({ payloadHash: Sha256, signatures: z.array(z.object({ signature: z.string(), verifier: z.string() })).length(1) }),
});
const HASHED_REKORD = z.object({
  spec: z.object({ data: z.object({ hash: Sha2 }), signature: z.object({ content: z.string(), publicKey: z.object({ content: z.string() }) }) }),
});
const INTOTO = z.object({
  spec: z.object({
    content: z.object({
      payloadHash: Sha256,
      envelope: z.object({ payloadType: z.string(), signatures: z.array(z.object({ sig: z.string(), publicKey: z.string() })).length(1) }),
    }),
  }),
});

/** The kinds of entries that sign a DSSE envelope (rekor pkg/types), and how to read each. */
const KINDS: Readonly<Record<string, (body: unknown) => Logged>> = {
  'dsse 0.0.1': (body) => {
    const { payloadHash, signatures } = DSSE.parse(body).spec;
    return {
      digest: payloadHash.value,
      hash: 'sha256',
      digestOf: 'payload',
      signature: signatures[0]?.signature ?? '',
      verifier: signatures[0]?.verifier ?? '',
    };
  },
  'hashedrekord 0.0.1': (body) => {
    const { data, signature } = HASHED_REKORD.parse(body).spec;
    return {
      digest: data.hash.value,
      hash: data.hash.algorithm,
      digestOf: 'signed bytes',
      signature: signature.content,
      verifier: signature.publicKey.content,
    };
  },
  'intoto 0.0.2': (body) => {
    const { payloadHash, envelope } = INTOTO.parse(body).spec.content;
    const [signature] = envelope.signatures;
    // The signature of the envelope, base64 as it stands there, is one more time in base64.
    const sig = Buffer.from(signature?.sig ?? '', 'base64').toString('latin1');
    return { digest: payloadHash.value, hash: 'sha256', digestOf: 'payload', signature: sig, verifier: signature?.publicKey ?? '' };
  },
};

/** Whether the entry is of a kind that Rekor v1 has. */
export function isV1Entry({ kindVersion }: TransparencyLogEntry): boolean {
  return Object.hasOwn(KINDS, `${kindVersion?.kind} ${kindVersion?.version}`);
}

/**
 * Checks that an entry of Rekor v1 is about the signature of the bundle by this signer, that it is included in the tree of its checkpoint, that the trusted log signed that, and the
 * entry's time and index where the log promised them (rekor types dsse 0.0.1, hashedrekord 0.0.1, intoto 0.0.2; signed entry timestamp: rekor openapi.yaml). Throws an Error in words,
 * and denied CHECKPOINT_MALFORMED or CHECKPOINT_UNTRUSTED.
 */
export function checkV1Entry(entry: TransparencyLogEntry, bundle: DsseBundle, signer: LoggedSigner, log: LogKey): V1Proof {
  checkBody(entry, bundle, signer);
  const proof = entry.inclusionProof;
  if (!proof && PROMISES_ALONE.test(bundle.bundle.mediaType)) return { checkpoint: undefined, ...checkPromise(entry, log.publicKey) };
  if (!proof?.checkpoint) throw new Error('it holds no inclusion proof');
  const checkpoint = verifyCheckpoint(proof.checkpoint.envelope, log, { shards: true });
  if (proof.treeSize !== String(checkpoint.size) || !checkpoint.root.equals(proof.rootHash)) throw new Error('it repeats its checkpoint wrongly');
  const leaf = { hash: leafHash(entry.canonicalizedBody), index: Number(proof.logIndex) };
  if (!verifyInclusion(leaf, checkpoint, proof.hashes)) throw new Error('its proof does not lead to the root of its checkpoint');
  if (entry.inclusionPromise === undefined) return { checkpoint, index: Number(proof.logIndex), integratedTime: undefined };
  return { checkpoint, ...checkPromise(entry, log.publicKey) };
}

function checkPromise(entry: TransparencyLogEntry, key: KeyObject): { index: number; integratedTime: Date } {
  const signature = entry.inclusionPromise?.signedEntryTimestamp;
  if (!signature || !isPromised(entry, signature, key)) throw new Error('the log did not sign its index and time');
  return { index: Number(entry.logIndex), integratedTime: new Date(Number(entry.integratedTime) * 1000) };
}

function checkBody({ kindVersion, canonicalizedBody }: TransparencyLogEntry, bundle: DsseBundle, signer: LoggedSigner): void {
  const name = `${kindVersion?.kind} ${kindVersion?.version}`;
  const body: unknown = JSON.parse(canonicalizedBody.toString('utf8'));
  const { kind, apiVersion } = z.object({ kind: z.string(), apiVersion: z.string() }).parse(body);
  const read = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  if (!read || name !== `${kind} ${apiVersion}`) throw new Error(`it is called ${name.slice(0, 100)} and is not of that kind`);
  const logged = read(body);
  if (!loggedDigest(logged, bundle, signer).equals(Buffer.from(logged.digest, 'hex'))) throw new Error('it is about other content');
  if (logged.signature !== bundle.signature.toString('base64')) throw new Error('it is about another signature');
  if (!isNamed(Buffer.from(logged.verifier, 'base64').toString('latin1'), signer)) throw new Error('it names another key than the one that signed');
}

/** What the entry has to be about. Its hash has to be the one that the key signs with: the log has verified the signature over that digest. */
function loggedDigest({ digestOf, hash }: Logged, bundle: DsseBundle, { key }: LoggedSigner): Buffer {
  if (digestOf === 'payload' && bundle.bundle.content.$case !== 'dsseEnvelope') throw new Error('it is about an envelope, and there is none');
  if (digestOf === 'payload') return createHash(hash).update(bundle.payload).digest();
  if (hash !== (hashAlgorithm(key, 'the key that signed') ?? hash)) throw new Error(`it is about the ${hash} of what was signed, which this key does not take`);
  return signedDigest(bundle, hash);
}

/** Whether the PEM is that of the signer: of the very certificate where there is one, else of the key. */
function isNamed(pem: string, { key, certificate }: LoggedSigner): boolean {
  if (certificate !== undefined) return pem.startsWith('-----BEGIN CERTIFICATE-----') && new X509Certificate(pem).raw.equals(certificate);
  return pem.startsWith('-----BEGIN PUBLIC KEY-----') && spkiDer(createPublicKey(pem)).equals(spkiDer(key));
}

/** Whether the log signed body, time, log and index (signed entry timestamp) over their canonical JSON (RFC 8785): the literal below is in its order. */
function isPromised(entry: TransparencyLogEntry, signature: Buffer, key: KeyObject): boolean {
  const [integratedTime, logIndex] = [Number(entry.integratedTime), Number(entry.logIndex)];
  if (!Number.isSafeInteger(integratedTime) || !Number.isSafeInteger(logIndex) || entry.logId === undefined) return false;
  const promised = { body: entry.canonicalizedBody.toString('base64'), integratedTime, logID: Buffer.from(entry.logId.keyId).toString('hex'), logIndex };
  return integratedTime > 0 && verify(logDigest(key), Buffer.from(JSON.stringify(promised)), key, signature);
}
