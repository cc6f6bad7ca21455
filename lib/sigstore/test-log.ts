// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trustedLog } from '../../cli/services/log/log-identity.ts';
import { type LogOptions, type RunningLog, startLog } from '../../cli/services/log/server.ts';
import { addToLog } from '../attest/log.ts';
import { createHttp, type Http } from '../http/http.ts';
import { encodeStatement } from '../intoto/statement.ts';
import { silentLogger } from '../log/log.ts';
import { type DsseBundle, decodeBundle, encodeBundle, signStatement, withLogEntry } from './bundle.ts';
import { checkpointKeyId, type LogKey, parseCheckpoint, signCheckpoint, trustedLogKey } from './checkpoint.ts';
import { type LogEntry, makeLogEntry } from './log-entry.ts';
import { leafHash } from './merkle.ts';
import { createRekor, type Rekor } from './rekor.ts';
import type { LocalKey } from './signing-key.ts';
import { parseTrustedRoot, type Trust } from './trusted-root.ts';

/** An embedded log in a temporary folder, a client of it that knows its key, and the trust that names it alone. */
export type TestLog = { running: RunningLog; dir: string; http: Http; rekor: Rekor; logKey: LogKey; trust: Trust; close(): Promise<void> };

/** Starts one on loopback; `dir` is one that it goes on from. */
export async function startTestLog(options: Partial<LogOptions> = {}): Promise<TestLog> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'log-')));
  const running = await startLog({ host: '127.0.0.1', port: 0, log: silentLogger, ...options, dir });
  const http = createHttp({ log: silentLogger, env: {}, retry: { attempts: 2, baseMs: 1, capMs: 1 } });
  const logKey = trustedLogKey({ baseURL: running.url, publicKey: createPublicKey(running.publicKeyPem) });
  return {
    running,
    dir,
    http,
    rekor: createRekor({ http, url: running.url, logKey }),
    logKey,
    trust: parseTrustedRoot(trustedRootJson(running.trustedLog)),
    async close() {
      http.close();
      await running.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A Sigstore trusted root that names these logs. */
export function trustedRootJson(...tlogs: unknown[]): string {
  const mediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
  return JSON.stringify({ mediaType, tlogs, certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] });
}

/** A signed statement about the artifact with this SHA-256 (hex), not logged. */
export function signedBundle(key: LocalKey, sha256 = 'a'.repeat(64), predicate: unknown = {}): DsseBundle {
  return signStatement(encodeStatement([{ sha256 }], 'https://example.com/predicate', predicate), key.privateKey);
}

/** The same, logged. */
export async function loggedBundle(log: Pick<TestLog, 'rekor'>, key: LocalKey, sha256?: string, predicate?: unknown): Promise<DsseBundle> {
  return addToLog(log.rekor, signedBundle(key, sha256, predicate), key.key);
}

/** A log that signs whatever it is told, with nothing in it but one entry. */
export function lyingLog(): { trust: Trust; logKey: LogKey; privateKey: KeyObject; entry: (body: Buffer) => LogEntry } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const logKey = { origin: 'liar.example.com', publicKey };
  const named = trustedLog({ ...logKey, validFrom: new Date(0), url: `https://${logKey.origin}` });
  return {
    logKey,
    privateKey,
    trust: parseTrustedRoot(trustedRootJson(named)),
    entry: (body) => {
      const checkpoint = parseCheckpoint(signCheckpoint({ size: 1, root: leafHash(body) }, logKey.origin, privateKey));
      return makeLogEntry({ body, index: 0, proof: [], checkpoint, keyId: checkpointKeyId(logKey) });
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
type BundleJson = any;

/** The bundle after a change of its JSON. */
export function altered(bundle: DsseBundle, change: (json: BundleJson) => void): DsseBundle {
  const json = JSON.parse(encodeBundle(bundle).toString());
  change(json);
  return decodeBundle(Buffer.from(JSON.stringify(json)), 'the altered bundle');
}

/** The bundle after a change of its (first) log entry's JSON. */
export function withAlteredEntry(bundle: DsseBundle, change: (entry: BundleJson) => void): DsseBundle {
  return altered(bundle, (json) => change(json.verificationMaterial.tlogEntries[0]));
}

/** The bundle with this entry and no other. */
export function withOnlyEntry(bundle: DsseBundle, entry: unknown): DsseBundle {
  const bare = altered(bundle, (json) => {
    json.verificationMaterial.tlogEntries = [];
  });
  return withLogEntry(bare, entry);
}

/** Base64 of other bytes of the same length. */
export function flippedBase64(text: string, at = 0): string {
  const bytes = Buffer.from(text, 'base64');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64');
}
