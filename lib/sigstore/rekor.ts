// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { inputError, refusedError, StepError, transientError } from '../errors/errors.ts';
import type { Http, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { redactUrl } from '../log/redact.ts';
import { type Checkpoint, checkpointKeyId, type LogKey, parseCheckpoint, verifyCheckpoint } from './checkpoint.ts';
import { hashedRekordBody, hashedRekordRequest, keyDetailsOf, type SignedDigest } from './hashedrekord.ts';
import { checkLogEntry, type LogEntry, makeLogEntry, parseLogEntry } from './log-entry.ts';
import { HASH_SIZE, leafHash, type TreeHead } from './merkle.ts';
import { proveConsistencyFromTiles, proveInclusionFromTiles, TILE_WIDTH, type TileLog, tilePath } from './tiles.ts';

/** What is to be logged: a signature over a digest. With `certificate` (DER) the entry names it instead of the key. */
export type NewEntry = { digest: Buffer; signature: Buffer; publicKey: KeyObject; certificate?: Buffer };

/** A client of one Rekor v2 log. What it gives has been verified as far as the trusted key allows. */
export type Rekor = {
  /**
   * Logs a signature over a digest and gives the entry as it stands in `verificationMaterial.tlogEntries` of a bundle: our entry, included in
   * the tree of the checkpoint it carries, which the trusted key (when there is one) signed. `digest` is made with the hash of the key's
   * scheme (P-256 and RSA: SHA-256, P-384: SHA-384, P-521 and Ed25519ph: SHA-512).
   * The request is repeated with the same bytes after a lost answer; a log that does not look for duplicates then holds the entry twice.
   * Throws input KEY_NOT_LOGGABLE and DIGEST_SIZE, refused REKOR_REFUSED and LOG_FROZEN, transient REKOR_ENTRY_EXISTS (logged before, and
   * cannot be read back), denied REKOR_ANSWER_INVALID, REKOR_ENTRY_FOREIGN, REKOR_PROOF_INVALID, CHECKPOINT_*, and what lib/http throws.
   */
  add(entry: NewEntry): Promise<LogEntry>;
  /** The newest checkpoint; verified when there is a trusted key. Throws denied CHECKPOINT_*, refused LOG_NOT_READABLE. */
  checkpoint(): Promise<Checkpoint>;
  /** Audit path of a leaf, verified to the root of `checkpoint`. Throws denied ENTRY_NOT_LOGGED and LOG_TILES_INVALID, refused LOG_NOT_READABLE. */
  proveInclusion(what: { leafHash: Buffer; index: number; checkpoint: TreeHead }): Promise<Buffer[]>;
  /** Proof that the log only grew between two checkpoints, verified to both. Throws denied LOG_SHRANK, LOG_FORKED and LOG_TILES_INVALID, refused LOG_NOT_READABLE. */
  proveConsistency(what: { from: TreeHead; to: TreeHead }): Promise<Buffer[]>;
};

/**
 * A client of the Rekor v2 log at `url` (rekor-tiles CLIENTS.md). Checkpoint and tiles are read below `<url>/api/v2`, or below `readUrl` where
 * they are served as plain files. Give the trusted `logKey` (trusted root, `tlogs[]`) wherever there is one.
 */
export function createRekor(options: { http: Http; url: string; readUrl?: string; logKey?: LogKey }): Rekor {
  const { http, logKey } = options;
  const url = options.url.replace(/\/+$/, '');
  const readUrl = options.readUrl?.replace(/\/+$/, '') ?? `${url}/api/v2`;
  const name = redactUrl(url);
  const tiles = tileLog(http, readUrl);
  const checkpoint = async (): Promise<Checkpoint> => {
    const envelope = (await read(http, readUrl, 'checkpoint', MAX_CHECKPOINT)).toString('utf8');
    return logKey === undefined ? parseCheckpoint(envelope) : verifyCheckpoint(envelope, logKey);
  };
  return {
    checkpoint,
    proveInclusion: (what) => proveInclusionFromTiles({ hash: what.leafHash, index: what.index }, what.checkpoint, tiles),
    proveConsistency: ({ from, to }) => proveConsistencyFromTiles(from, to, tiles),
    async add(entry) {
      const signed = signedDigest(entry);
      const body = hashedRekordBody(signed);
      const response = await post(http, `${url}/api/v2/log/entries`, hashedRekordRequest(signed));
      if (response.status === 409) return readBack(body, response.headers['x-log-index'], { name, logKey, checkpoint, tiles });
      if (response.status !== 200 && response.status !== 201) throw await entryRefused(response, name, entry.publicKey);
      const logged = parseLogEntry(await response.body(), name);
      checkLogEntry(logged, body, { name, key: logKey });
      return logged;
    },
  };
}

// A log answers when a checkpoint covers the entry, by design after 2 to 10 s; its documentation asks clients for at least 20 s.
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_ANSWER = 1024 * 1024;
const MAX_CHECKPOINT = 128 * 1024;
const MAX_TILE = TILE_WIDTH * HASH_SIZE;

function signedDigest(entry: NewEntry): SignedDigest {
  const keyDetails = keyDetailsOf(entry.publicKey);
  if (entry.digest.length !== keyDetails.digestSize) {
    throw inputError('DIGEST_SIZE', `digest has ${entry.digest.length} bytes; ${keyDetails.name} signs ${keyDetails.hash} digests of ${keyDetails.digestSize}`);
  }
  const verifier =
    entry.certificate === undefined ? { publicKey: entry.publicKey.export({ format: 'der', type: 'spki' }) } : { x509Certificate: entry.certificate };
  return { digest: entry.digest, signature: entry.signature, keyDetails, verifier };
}

function post(http: Http, url: string, body: Buffer): Promise<HttpResponse> {
  return http({
    what: 'add an entry to the transparency log',
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body,
    retryable: true,
    timeoutMs: ANSWER_TIMEOUT_MS,
    maxBytes: MAX_ANSWER,
  });
}

/** The entry of an earlier, lost answer: the log names its index (409, x-log-index) and the tiles show that the leaf there is ours. */
async function readBack(
  body: Buffer,
  indexHeader: string | undefined,
  log: { name: string; logKey: LogKey | undefined; checkpoint: () => Promise<Checkpoint>; tiles: TileLog },
): Promise<LogEntry> {
  const exists = (problem: string, hint: string, cause?: unknown): StepError =>
    transientError('REKOR_ENTRY_EXISTS', `log ${log.name} holds this entry already ${problem}`, { hint, cause });
  if (indexHeader === undefined || !/^[0-9]{1,15}$/.test(indexHeader))
    throw exists('but does not say at which index', 'sign again; a new signature makes a new entry');
  const index = Number(indexHeader);
  if (log.logKey === undefined) throw exists(`at index ${index}; without its trusted key it cannot be read back`, 'name a trusted root that holds this log');
  try {
    const checkpoint = await log.checkpoint();
    if (index >= checkpoint.size)
      throw exists(`at index ${index}, which its checkpoint of size ${checkpoint.size} does not cover yet`, 'run again in a moment');
    const proof = await proveInclusionFromTiles({ hash: leafHash(body), index }, checkpoint, log.tiles);
    return makeLogEntry({ body, index, proof, checkpoint, keyId: checkpointKeyId(log.logKey) });
  } catch (error) {
    if (!(error instanceof StepError) || error.kind !== 'refused') throw error;
    throw exists(`at index ${index}; reading it back failed: ${error.message}`, error.hint ?? 'run again', error);
  }
}

function tileLog(http: Http, readUrl: string): TileLog {
  return {
    name: redactUrl(readUrl),
    async readTile(level, index, width) {
      if (width === TILE_WIDTH) return read(http, readUrl, tilePath(level, index, width), MAX_TILE);
      const partial = await find(http, readUrl, tilePath(level, index, width), MAX_TILE);
      if (partial !== undefined) return partial;
      // A log may drop a partial tile once the full one exists (C2SP tlog-tiles, "Partial Tiles").
      const full = await read(http, readUrl, tilePath(level, index, TILE_WIDTH), MAX_TILE);
      return full.subarray(0, width * HASH_SIZE);
    },
  };
}

async function read(http: Http, readUrl: string, path: string, maxBytes: number): Promise<Buffer> {
  const bytes = await find(http, readUrl, path, maxBytes);
  if (bytes !== undefined) return bytes;
  throw refusedError('LOG_NOT_READABLE', `log has no ${path} at ${redactUrl(readUrl)} (status 404)`, { hint: READ_HINT });
}

/** The file of the log, or undefined when it answers 404. */
async function find(http: Http, readUrl: string, path: string, maxBytes: number): Promise<Buffer | undefined> {
  const what = `read ${path} of the transparency log`;
  const response = await http({ what, url: `${readUrl}/${path}`, maxBytes });
  if (response.status === 404) return undefined;
  if (response.status === 200) return response.body();
  throw await refusal(response, `${what} at ${redactUrl(readUrl)}`, { code: 'LOG_NOT_READABLE', hint: READ_HINT });
}

const READ_HINT = 'if the log serves its tiles elsewhere, as the POSIX server does, name that URL for reading';

async function entryRefused(response: HttpResponse, name: string, publicKey: KeyObject): Promise<StepError> {
  if (response.status === 405) {
    return refusal(response, `add an entry to the log ${name}`, {
      code: 'LOG_FROZEN',
      hint: 'name the newest shard of the log; its URL changes about twice a year',
    });
  }
  const hint =
    publicKey.asymmetricKeyType === 'ed25519'
      ? 'Rekor v2 takes Ed25519 only as Ed25519ph over a SHA-512 digest; log signatures of an ECDSA P-256 key instead'
      : 'check that the signature was made over this digest with this key, and that the URL is that of a Rekor v2 log';
  return refusal(response, `add an entry to the log ${name}`, { code: 'REKOR_REFUSED', hint });
}
