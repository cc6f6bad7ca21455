// SPDX-License-Identifier: Apache-2.0
import { bundle, flipped, type Json, PUBLIC_KEY, stampedAt, trustedRoot } from './recorded.ts';

/** A case: its bundle, and what is not as usual (a trusted root, a key in place of the identity, another identity, artifact or text in place of the bundle). */
export type Case = { bundle: Json; root?: Json; key?: string; identity?: string; issuer?: string; artifact?: string; text?: string };

const V01 = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
const V02 = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
const V03 = 'application/vnd.dev.sigstore.bundle+json;version=0.3';
const BEFORE = { start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' };

/** A recorded bundle with a change. */
function of(name: string, change: (json: Json) => void = () => {}, more: Omit<Case, 'bundle'> = {}): Case {
  const json = bundle(name);
  change(json);
  return { bundle: json, ...(name.startsWith('key') && { key: PUBLIC_KEY }), ...more };
}

/** The same with a change of the trusted root. */
function under(name: string, change: (root: Json, json: Json) => void): Case {
  const [root, json] = [trustedRoot(), bundle(name)];
  change(root, json);
  return { bundle: json, root, ...(name.startsWith('key') && { key: PUBLIC_KEY }) };
}

function entryOf(json: Json): Json {
  return json.verificationMaterial.tlogEntries[0];
}

function stampsOf(json: Json): Json[] {
  return json.verificationMaterial.timestampVerificationData.rfc3161Timestamps;
}

/** A bundle as version 0.1 and 0.2 have it: with a chain in place of the certificate. */
function asChain(mediaType: string, more: string[] = []): (json: Json) => void {
  return (json) => {
    const { certificate, ...material } = json.verificationMaterial;
    const certificates = [certificate, ...more.map((rawBytes) => ({ rawBytes }))];
    Object.assign(json, { mediaType, verificationMaterial: { ...material, x509CertificateChain: { certificates } } });
  };
}

/** A change of the text of the checkpoint. */
function note(change: (lines: string[]) => string[]): (json: Json) => void {
  return (json) => {
    const { checkpoint } = entryOf(json).inclusionProof;
    checkpoint.envelope = change(checkpoint.envelope.split('\n')).join('\n');
  };
}

/** A line by somebody who is not known: a name, four bytes of a key id, and a signature. */
function witness(name: string): string {
  return `\u2014 ${name} ${Buffer.alloc(68, name).toString('base64')}`;
}

/** The change of something at which another bundle has its own. */
function taken(from: string, what: (json: Json) => Json, put: (json: Json, value: Json) => void): (json: Json) => void {
  return (json) => put(json, what(bundle(from)));
}

const BUNDLES: Readonly<Record<string, Case>> = {
  'happy-path': of('messageV2'),
  'happy-path-v0.1': of('messageV1', (json) => {
    asChain(V01)(json);
    delete entryOf(json).inclusionProof;
  }),
  'happy-path-v0.2': of('messageV1', asChain(V02)),
  'happy-path-v0.3': of('messageV1', (json) => Object.assign(json, { mediaType: V03 })),
  'happy-path-unknown-field': of('messageV1', (json) => Object.assign(json, { notKnown: [1] })),
  'unknown-version_fail': of('messageV1', (json) => Object.assign(json, { mediaType: V03.replace('0.3', '0.9') })),
  'unknown-two-digit-version_fail': of('messageV1', (json) => Object.assign(json, { mediaType: V03.replace('0.3', '99.9') })),
  'malformed-json_fail': { bundle: {}, text: '{"mediaType":' },
  'twice-the-same-key_fail': { bundle: {}, text: JSON.stringify(bundle('messageV2')).replace('{', '{"mediaType":"x",') },
  'invalid-base64-signature_fail': of('messageV2', (json) => Object.assign(json.messageSignature, { signature: `!${json.messageSignature.signature}` })),
  'negative-log-index_fail': of('messageV1', (json) => Object.assign(entryOf(json), { logIndex: '-1' })),
  'empty-certificate-chain_fail': of('messageV1', (json) => {
    asChain(V02)(json);
    json.verificationMaterial.x509CertificateChain.certificates = [];
  }),
  'chain-in-v0.3_fail': of('messageV1', asChain(V03)),
  'root-in-chain_fail': of('messageV1', asChain(V02, [trustedRoot().certificateAuthorities[0].certChain.certificates.at(-1).rawBytes])),
  'from-another-instance_fail': under('messageV2', (root) => {
    for (const log of root.tlogs) Object.assign(log.logId, { keyId: flipped(log.logId.keyId) });
  }),
};

const SIGNATURES: Readonly<Record<string, Case>> = {
  'message-of-another_fail': of('otherMessageV2'),
  'message-digest-mismatch_fail': of('messageV2', ({ messageSignature: { messageDigest } }) =>
    Object.assign(messageDigest, { digest: flipped(messageDigest.digest) }),
  ),
  'message-digest-of-another-hash_fail': of('messageV2', ({ messageSignature: { messageDigest } }) => Object.assign(messageDigest, { algorithm: 'SHA2_512' })),
  'message-digest-of-this-one-alone_fail': of(
    'otherMessageV2',
    taken(
      'messageV2',
      (json) => json.messageSignature.messageDigest,
      (json, messageDigest) => Object.assign(json.messageSignature, { messageDigest }),
    ),
  ),
  'signature-mismatch_fail': of('messageV2', ({ messageSignature }) => Object.assign(messageSignature, { signature: flipped(messageSignature.signature, 20) })),
  'another-identity_fail': of('messageV2', undefined, { identity: 'https://kubernetes.io/namespaces/build/serviceaccounts/other' }),
  'another-issuer_fail': of('messageV2', undefined, { issuer: 'https://issuer.example.com' }),
  'statement-happy-path': of('statementV2'),
  'statement-v1-happy-path': of('statementV1'),
  'statement-of-another_fail': of('statementV2', undefined, { artifact: 'something else' }),
  'statement-other-signature_fail': of('statementV1', ({ dsseEnvelope: { signatures } }) =>
    Object.assign(signatures[0], { sig: flipped(signatures[0].sig, 20) }),
  ),
  'statement-two-signatures_fail': of('statementV1', ({ dsseEnvelope: { signatures } }) => signatures.push(signatures[0])),
  'statement-of-another-payload-type_fail': of('statementV1', ({ dsseEnvelope }) => Object.assign(dsseEnvelope, { payloadType: 'text/plain' })),
  'key-happy-path': of('keyMessageV2'),
  'key-v1-happy-path': of('keyMessageV1'),
  'key-statement-happy-path': of('keyStatementV1'),
  'key-without-log': of('keyMessage', undefined, { root: { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' } }),
  'key-wrong-key_fail': {
    ...of('keyMessageV2'),
    key: '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXlYI/a1XM9LYk54J0H/lm4EeboY1\nvhheo0TbTln8aWofhvUYUH9fIKz10uhbCDlTfOF+ymQlkiuDReSCMA2zAw==\n-----END PUBLIC KEY-----\n',
  },
  'key-no-key_fail': { bundle: bundle('keyMessageV2') },
  'key-for-a-certificate_fail': { ...of('messageV2'), key: PUBLIC_KEY },
};

const LOGS: Readonly<Record<string, Case>> = {
  'entry-of-another-signature_fail': of(
    'messageV1',
    taken('messageV1Again', entryOf, (json, entry) => Object.assign(json.verificationMaterial, { tlogEntries: [entry] })),
  ),
  'entry-of-another-signature-v2_fail': of(
    'messageV2',
    taken('messageV2Again', entryOf, (json, entry) => Object.assign(json.verificationMaterial, { tlogEntries: [entry] })),
  ),
  'entry-of-another-statement_fail': of(
    'statementV1',
    taken('statementV1Again', entryOf, (json, entry) => Object.assign(json.verificationMaterial, { tlogEntries: [entry] })),
  ),
  'entry-of-another-artifact_fail': of(
    'messageV1',
    taken('otherMessageV1', entryOf, (json, entry) => Object.assign(json.verificationMaterial, { tlogEntries: [entry] })),
  ),
  'entry-twice_fail': of('messageV2', (json) => json.verificationMaterial.tlogEntries.push(entryOf(json))),
  'entry-of-a-stranger-beside_fail': of('messageV2', (json) =>
    json.verificationMaterial.tlogEntries.push({ ...entryOf(bundle('messageV2Again')), logId: { keyId: Buffer.alloc(32).toString('base64') } }),
  ),
  'no-entry_fail': of('messageV2', (json) => Object.assign(json.verificationMaterial, { tlogEntries: [] })),
  'no-inclusion-proof_fail': of('messageV1', (json) => delete entryOf(json).inclusionProof),
  'no-inclusion-proof-v2_fail': of('messageV2', (json) => delete entryOf(json).inclusionProof),
  'corrupted-hash_fail': of(
    'messageV1Again',
    ({
      verificationMaterial: {
        tlogEntries: [entry],
      },
    }) => entry.inclusionProof.hashes.splice(0, 1, flipped(entry.inclusionProof.hashes[0])),
  ),
  'set-invalid-signature_fail': of('messageV1', (json) =>
    Object.assign(entryOf(json).inclusionPromise, { signedEntryTimestamp: flipped(entryOf(json).inclusionPromise.signedEntryTimestamp, 20) }),
  ),
  'integrated-time-in-the-future_fail': of('messageV1', (json) => Object.assign(entryOf(json), { integratedTime: '4102444800' })),
  'integrated-time-without-promise_fail': of('messageV1', (json) => {
    delete entryOf(json).inclusionPromise;
    stampsOf(json).length = 0;
  }),
  'kind-of-another-version_fail': of('messageV1', (json) => Object.assign(entryOf(json).kindVersion, { version: '0.0.2' })),
  'checkpoint-witness-behind': of(
    'messageV2',
    note((lines) => [...lines.slice(0, -1), witness('witness.example.com'), '']),
  ),
  'checkpoint-witnesses-before': of(
    'messageV2',
    note((lines) => [...lines.slice(0, 4), witness('a.example.com'), witness('b.example.com'), ...lines.slice(4)]),
  ),
  'checkpoint-second-key-of-the-log': of(
    'messageV2',
    note((lines) => [...lines.slice(0, 4), witness(lines[0] ?? ''), ...lines.slice(4)]),
  ),
  'checkpoint-no-origin_fail': of(
    'messageV2',
    note((lines) => lines.slice(1)),
  ),
  'checkpoint-no-size_fail': of(
    'messageV2',
    note((lines) => lines.toSpliced(1, 1)),
  ),
  'checkpoint-no-root-hash_fail': of(
    'messageV2',
    note((lines) => lines.toSpliced(2, 1)),
  ),
  'checkpoint-no-signature_fail': of(
    'messageV2',
    note((lines) => [...lines.slice(0, 4), '']),
  ),
  'checkpoint-witness-alone_fail': of(
    'messageV2',
    note((lines) => [...lines.slice(0, 4), witness('witness.example.com'), '']),
  ),
  'checkpoint-of-another-name_fail': of(
    'messageV2',
    note((lines) => lines.map((line) => line.replace(lines[0] ?? '', 'log.example.com'))),
  ),
  'checkpoint-other-key-hint_fail': of(
    'messageV1',
    note((lines) => lines.map((line) => line.replace(/(\u2014 \S+ )(\S+)/, (_, head, sig) => `${head}${flipped(sig)}`))),
  ),
  'checkpoint-invalid-signature_fail': of(
    'messageV1',
    note((lines) => lines.map((line) => line.replace(/(\u2014 \S+ )(\S+)/, (_, head, sig) => `${head}${flipped(sig, 30)}`))),
  ),
  'checkpoint-of-another-size_fail': of(
    'messageV1',
    taken(
      'messageV1Again',
      (json) => entryOf(json).inclusionProof.checkpoint,
      (json, checkpoint) => Object.assign(entryOf(json).inclusionProof, { checkpoint }),
    ),
  ),
  'log-key-window-ends-then': under('messageV1', (root, json) => {
    stampsOf(json).length = 0;
    const end = new Date(Number(entryOf(json).integratedTime) * 1000).toISOString();
    for (const log of root.tlogs) log.publicKey.validFor.end = end;
  }),
  'log-key-window-ended-before_fail': under('messageV1', (root, json) => {
    stampsOf(json).length = 0;
    const end = new Date(Number(entryOf(json).integratedTime) * 1000 - 1000).toISOString();
    for (const log of root.tlogs) log.publicKey.validFor.end = end;
  }),
  'log-key-window-without-start_fail': under('messageV1', (root) => {
    for (const log of root.tlogs) delete log.publicKey.validFor.start;
  }),
};

const AUTHORITIES: Readonly<Record<string, Case>> = {
  'no-timestamp_fail': of('messageV2', (json) => delete json.verificationMaterial.timestampVerificationData),
  'timestamp-of-another-signature_fail': of(
    'messageV2',
    taken('messageV2Again', stampsOf, (json, stamps) => Object.assign(json.verificationMaterial, { timestampVerificationData: { rfc3161Timestamps: stamps } })),
  ),
  'timestamp-twice_fail': of('messageV2', (json) => stampsOf(json).push(stampsOf(json)[0])),
  'timestamp-outside-certificate_fail': of('stampedTwice', (json) => stampsOf(json).pop()),
  'timestamps-one-outside-certificate_fail': of('stampedTwice'),
  'timestamp-with-certificate-embedded': of('stampedTwice', (json) => stampsOf(json).shift()),
  'timestamp-authority-not-trusted_fail': under('messageV2', (root) => Object.assign(root, { timestampAuthorities: [] })),
  'timestamp-authority-trusted-before_fail': under('messageV2', (root) => Object.assign(root.timestampAuthorities[0], { validFor: BEFORE })),
  'timestamp-authority-borrowed-window_fail': under('messageV2', (root) => {
    root.timestampAuthorities[0].validFor = BEFORE;
    root.timestampAuthorities.push({ ...root.timestampAuthorities[0], certChain: { certificates: [] }, validFor: { start: '2020-01-01T00:00:00Z' } });
  }),
  'timestamp-authority-window-ends-then': under('messageV2', (root, json) =>
    Object.assign(root.timestampAuthorities[0].validFor, { end: stampedAt(json).toISOString() }),
  ),
  'timestamp-authority-other-key_fail': under('messageV2', (root) => {
    const { certificates } = root.timestampAuthorities[0].certChain;
    certificates[0].rawBytes = flipped(certificates[0].rawBytes, Buffer.from(certificates[0].rawBytes, 'base64').length - 10);
  }),
  'several-timestamp-authorities': under('messageV2', (root) =>
    root.timestampAuthorities.unshift({ ...root.timestampAuthorities[0], uri: 'https://tsa.example.com', validFor: BEFORE }),
  ),
  'certificate-authority-not-trusted_fail': under('messageV2', (root) => Object.assign(root, { certificateAuthorities: [] })),
  'certificate-authority-trusted-before_fail': under('messageV2', (root) => Object.assign(root.certificateAuthorities[0], { validFor: BEFORE })),
  'certificate-authority-of-timestamps_fail': under('messageV2', (root) =>
    Object.assign(root.certificateAuthorities[0], { certChain: root.timestampAuthorities[0].certChain }),
  ),
  'certificate-authorities-of-one-name': under('messageV2', (root) =>
    root.certificateAuthorities.unshift({ ...root.certificateAuthorities[0], certChain: root.timestampAuthorities[0].certChain }),
  ),
  'ct-log-not-trusted_fail': under('messageV2', (root) => Object.assign(root, { ctlogs: [] })),
  'ct-log-other-key_fail': under('messageV2', (root) =>
    Object.assign(root.ctlogs[0].publicKey, { rawBytes: root.tlogs.find((log: Json) => log.publicKey.keyDetails.includes('P256')).publicKey.rawBytes }),
  ),
  'ct-log-trusted-before_fail': under('messageV2', (root) => Object.assign(root.ctlogs[0].publicKey, { validFor: BEFORE })),
};

/** All cases by name; one whose name ends in `_fail` must not be verified. */
export const CASES: Readonly<Record<string, Case>> = { ...BUNDLES, ...SIGNATURES, ...LOGS, ...AUTHORITIES };
