// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { deniedError, inputError, type StepError } from '../errors/errors.ts';
import { HASH_SIZE, type TreeHead } from './merkle.ts';

/** A log that is trusted: the name on its checkpoints (of Rekor v2 the host of its URL without port) and its public key. `hostAndPort` is there where the URL has a port. */
export type LogKey = { origin: string; publicKey: KeyObject; hostAndPort?: string };

type NoteSignature = { name: string; keyId: Buffer; signature: Buffer };

/** A signed tree head. `text` is what the signatures cover, `envelope` both; nothing in here is verified unless `verifyCheckpoint` gave it. */
export type Checkpoint = TreeHead & { origin: string; extensions: string[]; text: string; envelope: string; signatures: NoteSignature[] };

/**
 * Reads a checkpoint without a look at its signatures (C2SP tlog-checkpoint in a C2SP signed-note).
 * Throws denied CHECKPOINT_MALFORMED, also above 64 KiB, 100 signatures (the limit of Go's note package) or a size of 2^53.
 */
export function parseCheckpoint(envelope: string): Checkpoint {
  if (envelope.length > MAX_LENGTH) throw malformed(`is longer than ${MAX_LENGTH} characters`);
  if (!envelope.isWellFormed() || CONTROL_CHARACTER.test(envelope)) throw malformed('holds characters that a signed note must not have');
  const separator = envelope.lastIndexOf('\n\n');
  if (separator < 0) throw malformed('has no blank line between text and signatures');
  const text = envelope.slice(0, separator + 1);
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n');
  if (origin === '') throw malformed('has no origin');
  if (!DECIMAL.test(size) || !Number.isSafeInteger(Number(size))) throw malformed('has no usable tree size on its second line');
  const rootBytes = strictBase64(root);
  if (rootBytes?.length !== HASH_SIZE) throw malformed('has no SHA-256 root hash on its third line');
  if (extensions.includes('')) throw malformed('has an empty extension line');
  return { origin, size: Number(size), root: rootBytes, extensions, text, envelope, signatures: parseSignatures(envelope.slice(separator + 2)) };
}

/**
 * Reads a checkpoint and verifies that the trusted log signed it (C2SP signed-note, "Verifying"): origin and signature name are those of the
 * log, at least one line has its key id, and every such line verifies. Lines of other keys, such as witnesses, are passed over.
 * With `shards`, as Rekor v1 has them, the origin is the name of the log, which may have its port, and the ID of one of its trees: `<host> - <tree ID>`.
 * Throws denied CHECKPOINT_MALFORMED or CHECKPOINT_UNTRUSTED.
 */
export function verifyCheckpoint(envelope: string, key: LogKey, { shards = false } = {}): Checkpoint {
  const checkpoint = parseCheckpoint(envelope);
  const given = shards ? checkpoint.origin.replace(TREE_ID, '') : checkpoint.origin;
  const name = shards && given === key.hostAndPort ? key.hostAndPort : key.origin;
  if (given !== name) {
    throw deniedError('CHECKPOINT_UNTRUSTED', `checkpoint is of the log "${shown(checkpoint.origin)}", not of the trusted "${key.origin}"`, {
      hint: TRUST_HINT,
    });
  }
  const keyId = checkpointKeyId(key).subarray(0, KEY_HASH_SIZE);
  const own = checkpoint.signatures.filter((line) => line.name === name && line.keyId.equals(keyId));
  if (own.length === 0) {
    throw deniedError('CHECKPOINT_UNTRUSTED', `checkpoint of ${key.origin} has no signature by the trusted key ${keyId.toString('hex')}`, { hint: TRUST_HINT });
  }
  const message = Buffer.from(checkpoint.text);
  if (!own.every((line) => verify(logDigest(key.publicKey), message, key.publicKey, line.signature))) {
    throw deniedError('CHECKPOINT_UNTRUSTED', `checkpoint of ${key.origin} has a signature that does not verify with the trusted key ${keyId.toString('hex')}`);
  }
  return checkpoint;
}

/**
 * Full 32-byte id of a log's key; the first 4 bytes stand on the signature line, all of them in `logId.keyId` of a Rekor v2 entry and in
 * `logId` and `checkpointKeyId` of a trusted root (sigstore protobuf-specs, sigstore_trustroot.proto, "checkpoint_key_id").
 * Ed25519: SHA-256(origin ‖ LF ‖ 0x01 ‖ key); ECDSA: SHA-256(SPKI); RSA: SHA-256(origin ‖ LF ‖ 0xFF ‖ "PKIX-RSA-PKCS#1v1.5" ‖ SPKI).
 * Throws input LOG_KEY_UNSUPPORTED for other keys.
 */
export function checkpointKeyId(key: LogKey): Buffer {
  const spki = key.publicKey.export({ format: 'der', type: 'spki' });
  const hash = createHash('sha256');
  switch (key.publicKey.asymmetricKeyType) {
    case 'ed25519':
      return hash.update(`${key.origin}\n\u0001`).update(spki.subarray(-ED25519_KEY_SIZE)).digest();
    case 'ec':
      return hash.update(spki).digest();
    case 'rsa':
      return hash
        .update(`${key.origin}\n`)
        .update(Buffer.from([0xff]))
        .update('PKIX-RSA-PKCS#1v1.5')
        .update(spki)
        .digest();
    default:
      throw inputError('LOG_KEY_UNSUPPORTED', `key of the log ${key.origin} is of type ${key.publicKey.asymmetricKeyType}, not Ed25519, ECDSA or RSA`);
  }
}

/** The key of the log that a trusted root names, with the checkpoint name that sigstore verifiers expect of it: the host of its base URL. Throws input LOG_URL_INVALID. */
export function trustedLogKey(log: { baseURL: string; publicKey: KeyObject }): LogKey {
  const url = URL.parse(log.baseURL);
  if (url === null) throw inputError('LOG_URL_INVALID', `trusted root names a log with the base URL "${shown(log.baseURL)}", which is none`);
  return { origin: url.hostname.replace(/^\[(.*)\]$/, '$1'), publicKey: log.publicKey, ...(url.port !== '' && { hostAndPort: url.host }) };
}

/** A checkpoint of the tree signed with the log's private key (C2SP tlog-checkpoint, signed-note). Throws input LOG_ORIGIN_INVALID for a name that a note cannot carry. */
export function signCheckpoint(tree: TreeHead, origin: string, privateKey: KeyObject): string {
  if (!NOTE_NAME.test(origin))
    throw inputError('LOG_ORIGIN_INVALID', `log origin "${shown(origin)}" is empty or holds a space, a plus sign or a control character`);
  const publicKey = createPublicKey(privateKey);
  const text = `${origin}\n${tree.size}\n${tree.root.toString('base64')}\n`;
  const keyId = checkpointKeyId({ origin, publicKey }).subarray(0, KEY_HASH_SIZE);
  const signature = sign(logDigest(publicKey), Buffer.from(text), privateKey);
  return `${text}\n\u2014 ${origin} ${Buffer.concat([keyId, signature]).toString('base64')}\n`;
}

/** The bytes of canonical, padded standard base64 (RFC 4648 section 4), or undefined. */
export function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

const MAX_LENGTH = 64 * 1024;
const MAX_SIGNATURES = 100;
const KEY_HASH_SIZE = 4;
const ED25519_KEY_SIZE = 32;
const DECIMAL = /^(0|[1-9][0-9]*)$/;
const TREE_ID = / - [0-9]{1,20}$/;
const NOTE_NAME = /^[^\s+\p{Cc}]+$/u;
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) (\S+)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL_CHARACTER = /[\u0000-\u0009\u000b-\u001f\u007f]/;
const TRUST_HINT = 'the trusted root must hold the log that made the entry: its key, and a baseUrl whose host is the origin of its checkpoints';

function parseSignatures(block: string): NoteSignature[] {
  if (!block.endsWith('\n')) throw malformed('does not end with a signature line');
  const lines = block.slice(0, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw malformed(`has more than ${MAX_SIGNATURES} signatures`);
  return lines.map((line) => {
    const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
    const bytes = strictBase64(encoded);
    if (bytes === undefined || bytes.length <= KEY_HASH_SIZE) throw malformed('has a line among its signatures that is none');
    return { name, keyId: bytes.subarray(0, KEY_HASH_SIZE), signature: bytes.subarray(KEY_HASH_SIZE) };
  });
}

/** The hash that a log of this key signs with, null for Ed25519, which hashes by itself. */
export function logDigest(publicKey: KeyObject): string | null {
  return publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

function malformed(problem: string): StepError {
  return deniedError('CHECKPOINT_MALFORMED', `log checkpoint ${problem}`);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100)).slice(1, -1);
}
