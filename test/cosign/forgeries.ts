// SPDX-License-Identifier: Apache-2.0
import type { BundleJson, LogEntryJson } from './images.ts';

/** Genuine bundles that a forger can take parts from. All but `otherImage` state the same about the same image. */
export type Material = {
  /** By the right key, logged in the trusted log. */
  genuine: BundleJson;
  /** By another key, logged in the trusted log. */
  otherKey: BundleJson;
  /** By the right key about another image, logged in the trusted log. */
  otherImage: BundleJson;
  /** By the right key, logged in another log that goes by the same host name. */
  foreignLog: BundleJson;
};

/** A bundle that is not as it was published, and how it is made. */
type Made = { name: string; make: (material: Material) => BundleJson };

/**
 * A bundle that neither cosign nor we let pass: in which rule it fails for us and why, and in what words cosign refuses it.
 * A wrong signature or a log entry that its log does not vouch for fails as `signed`; a right signature without an entry to believe fails the rule about the log alone.
 */
export type Forgery = Made & { rule: 'signed' | 'signature-logged'; reason: RegExp; cosign: RegExp };

const UNKNOWN_SIGNER = /none of the trusted keys signed/;
const NO_VOUCHER = /is not what the log vouches for/;
const NO_ENTRY = /not enough verified log entries from transparency log: 0 < 1/;
const WRONG_PROOF = /verifying log entry: verifying inclusion/;
const WRONG_CHECKPOINT = /unverified checkpoint signature/;

export const FORGERIES: readonly Forgery[] = [
  {
    name: 'a changed payload',
    make: inGenuine(({ dsseEnvelope }) => (dsseEnvelope.payload = rewritten(dsseEnvelope.payload, '"predicate":{}', '"predicate":{"a":1}'))),
    rule: 'signed',
    reason: UNKNOWN_SIGNER,
    cosign: WRONG_PROOF,
  },
  {
    name: 'a changed signature',
    make: inGenuine((bundle) => (signatureOf(bundle).sig = flipped(signatureOf(bundle).sig))),
    rule: 'signed',
    reason: UNKNOWN_SIGNER,
    cosign: WRONG_PROOF,
  },
  {
    name: 'the signature of another key, with its log entry',
    make: ({ otherKey }) => otherKey,
    rule: 'signed',
    reason: UNKNOWN_SIGNER,
    cosign: WRONG_PROOF,
  },
  {
    name: 'the signature of another image, with its log entry',
    make: ({ otherImage }) => otherImage,
    rule: 'signed',
    reason: /speaks about another artifact/,
    cosign: /provided artifact digest does not match any digest in statement/,
  },
  {
    name: 'a second signature beside the right one',
    make: ({ genuine, otherKey }) => changed(genuine, ({ dsseEnvelope }) => dsseEnvelope.signatures.push(signatureOf(otherKey))),
    rule: 'signed',
    reason: /is not a Sigstore bundle/,
    cosign: /exactly one signature is required/,
  },
  {
    name: 'a changed log index',
    make: inEntry((entry) => (entry.logIndex = entry.inclusionProof.logIndex = '0')),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_PROOF,
  },
  {
    name: 'a log index that is not the one of its proof',
    make: inEntry((entry) => (entry.logIndex = '0')),
    rule: 'signed',
    reason: /entry 0 of the log .* is proven at another index/,
    cosign: WRONG_PROOF,
  },
  {
    name: 'a changed hash on the path of the proof',
    make: inEntry(({ inclusionProof }) => (inclusionProof.hashes = inclusionProof.hashes.map(flipped))),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_PROOF,
  },
  {
    name: 'a changed root hash in the checkpoint',
    make: inCheckpoint(2, flipped),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_CHECKPOINT,
  },
  {
    name: 'a changed tree size in the checkpoint',
    make: inCheckpoint(1, (size) => String(Number(size) + 1)),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_CHECKPOINT,
  },
  {
    name: 'an entry body of an unknown scheme',
    make: inEntry((entry) => (entry.canonicalizedBody = rewritten(entry.canonicalizedBody, '"keyDetails":"', '"keyDetails":"X'))),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: /no signatures found/,
  },
  {
    name: 'a changed signature of the checkpoint',
    make: inEntry(({ inclusionProof: { checkpoint } }) => (checkpoint.envelope = withSignatureFlipped(checkpoint.envelope))),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_CHECKPOINT,
  },
  {
    name: 'its log entry twice',
    make: inGenuine((bundle) => bundle.verificationMaterial.tlogEntries.push(structuredClone(entryOf(bundle)))),
    rule: 'signed',
    reason: /it is there twice/,
    cosign: /duplicate tlog entries found/,
  },
  {
    name: "the log entry of another key's signature of the same statement",
    make: ({ genuine, otherKey }) => withEntries(genuine, otherKey),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_PROOF,
  },
  {
    name: 'the log entry of another signature by the same key',
    make: ({ genuine, otherImage }) => withEntries(genuine, otherImage),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_PROOF,
  },
  {
    name: 'the checkpoint of another log of the same name',
    make: ({ genuine, foreignLog }) =>
      changed(genuine, (bundle) => {
        entryOf(bundle).inclusionProof.checkpoint = entryOf(foreignLog).inclusionProof.checkpoint;
      }),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_CHECKPOINT,
  },
  {
    name: 'an entry of another log of the same name, with the id of the trusted one',
    make: ({ genuine, foreignLog }) => changed(foreignLog, (bundle) => (entryOf(bundle).logId = entryOf(genuine).logId)),
    rule: 'signed',
    reason: NO_VOUCHER,
    cosign: WRONG_CHECKPOINT,
  },
  {
    name: 'an entry of another log of the same name',
    make: ({ foreignLog }) => foreignLog,
    rule: 'signature-logged',
    reason: /its log entry is of a log that the trusted root does not name/,
    cosign: NO_ENTRY,
  },
  {
    name: 'the log entry taken out',
    make: inGenuine(({ verificationMaterial }) => (verificationMaterial.tlogEntries = [])),
    rule: 'signature-logged',
    reason: /it holds no transparency log entry/,
    cosign: NO_ENTRY,
  },
];

/** Bundles with a right signature and a right entry of the trusted log, that one side lets pass and the other does not. `ours` is the rule that fails for us, none where cosign is the stricter one. */
export type Difference = Made & ({ ours: 'signed'; reason: RegExp } | { cosign: RegExp });

/** cosign makes the logged body anew from the envelope and reads size and root from the checkpoint, so it does not see what stands there in the bundle; it does see what is not in the format. */
export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'another digest in the entry body',
    make: inEntry((entry) => (entry.canonicalizedBody = rewritten(entry.canonicalizedBody, /"digest":"[^"]{4}/, '"digest":"AAAA'))),
    ours: 'signed',
    reason: NO_VOUCHER,
  },
  {
    name: 'another kind of entry',
    make: inEntry((entry) => (entry.kindVersion = { kind: 'dsse', version: '0.0.1' })),
    ours: 'signed',
    reason: /it is called dsse 0\.0\.1 and is not of that kind/,
  },
  {
    name: 'another index inside of the proof',
    make: inEntry(({ inclusionProof }) => (inclusionProof.logIndex = '0')),
    ours: 'signed',
    reason: NO_VOUCHER,
  },
  {
    name: 'a root hash that is not that of the checkpoint',
    make: inEntry(({ inclusionProof }) => (inclusionProof.rootHash = flipped(inclusionProof.rootHash))),
    ours: 'signed',
    reason: /repeats its checkpoint wrongly/,
  },
  {
    name: 'a tree size that is not that of the checkpoint',
    make: inEntry(({ inclusionProof }) => (inclusionProof.treeSize = String(Number(inclusionProof.treeSize) + 1))),
    ours: 'signed',
    reason: /repeats its checkpoint wrongly/,
  },
  {
    name: 'a key id that is not the SSH fingerprint of the key',
    make: inGenuine((bundle) => (signatureOf(bundle).keyid = 'sha256:0000')),
    cosign: /accepted signatures do not match threshold/,
  },
  { name: 'a member that the format does not have', make: inGenuine((bundle) => Object.assign(bundle, { remark: 'none' })), cosign: /no signatures found/ },
];

/** A genuine bundle with one more entry, of a log that nobody trusts: it proves nothing and does no harm. */
export function withFurtherEntry({ genuine, foreignLog }: Material): BundleJson {
  return changed(genuine, ({ verificationMaterial }) => verificationMaterial.tlogEntries.push(entryOf(foreignLog)));
}

function changed(bundle: BundleJson, change: (copy: BundleJson) => unknown): BundleJson {
  const copy = structuredClone(bundle);
  change(copy);
  return copy;
}

function inGenuine(change: (copy: BundleJson) => unknown): Made['make'] {
  return ({ genuine }) => changed(genuine, change);
}

function inEntry(change: (entry: LogEntryJson) => unknown): Made['make'] {
  return inGenuine((bundle) => change(entryOf(bundle)));
}

/** Changes one line of the checkpoint: 1 is the tree size, 2 the root (C2SP tlog-checkpoint); what repeats it beside the checkpoint is changed too. */
function inCheckpoint(line: 1 | 2, change: (text: string) => string): Made['make'] {
  return inEntry(({ inclusionProof }) => {
    const lines = inclusionProof.checkpoint.envelope.split('\n');
    lines[line] = change(lines[line] ?? '');
    inclusionProof.checkpoint.envelope = lines.join('\n');
    inclusionProof.treeSize = lines[1] ?? '';
    inclusionProof.rootHash = lines[2] ?? '';
  });
}

function withEntries(bundle: BundleJson, from: BundleJson): BundleJson {
  return changed(bundle, (copy) => (copy.verificationMaterial.tlogEntries = from.verificationMaterial.tlogEntries));
}

export function entryOf({ verificationMaterial }: BundleJson): LogEntryJson {
  const [entry] = verificationMaterial.tlogEntries;
  if (entry === undefined) throw new Error('the bundle has no log entry to forge');
  return entry;
}

function signatureOf({ dsseEnvelope }: BundleJson): { sig: string; keyid?: string } {
  const [signature] = dsseEnvelope.signatures;
  if (signature === undefined) throw new Error('the bundle has no signature to forge');
  return signature;
}

/** One bit of the last byte changed. */
function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return bytes.toString('base64');
}

/** Replaces text inside base64; a change that changes nothing would leave the bundle genuine. */
function rewritten(base64: string, from: string | RegExp, to: string): string {
  const text = Buffer.from(base64, 'base64').toString('utf8');
  const made = text.replace(from, to);
  if (made === text) throw new Error(`there is no ${from} in ${text}`);
  return Buffer.from(made).toString('base64');
}

/** A signature line of a checkpoint ends in base64 (C2SP signed-note). */
function withSignatureFlipped(envelope: string): string {
  return envelope.replace(/(\S+)\n$/, (_line, signature: string) => `${flipped(signature)}\n`);
}
