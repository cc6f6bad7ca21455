// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addToLog } from '../../lib/attest/log.ts';
import { publishBundle, publishPending } from '../../lib/attest/publish.ts';
import { createHttp } from '../../lib/http/http.ts';
import { encodeStatement } from '../../lib/intoto/statement.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { digestHex } from '../../lib/reference/digest.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { type DsseBundle, decodeBundle, encodeBundle, signStatement } from '../../lib/sigstore/bundle.ts';
import { createRekor } from '../../lib/sigstore/rekor.ts';
import { openSigningKey } from '../../lib/sigstore/signing-key.ts';
import type { Bench } from './bench.ts';

/** Evidence made without the steps, true and false alike, to put before them. */
export type Forge = {
  publicKey: KeyObject;
  /** A bundle about the image: by the key of the bench unless told otherwise, and logged unless told otherwise. */
  bundle(image: string, predicateType: string, predicate: unknown, options?: { by?: KeyObject; logged?: boolean }): Promise<DsseBundle>;
  /** Attaches a bundle to an image; gives the digest of the referrer. */
  attach(image: string, bundle: DsseBundle, predicateType: string): Promise<string>;
  /** Attaches a bundle as pending, in the name of `claimed`. */
  attachPending(image: string, bundle: DsseBundle, predicateType: string, claimed: KeyObject): Promise<string>;
};

/** The key of the bench, and whatever else it takes to sign and log as it does. */
export async function openForge(bench: Pick<Bench, 'client' | 'logUrl' | 'workspaces'>): Promise<Forge> {
  const { client, logUrl, workspaces } = bench;
  const { privateKey, key: publicKey } = await openSigningKey(workspaces['signing-key'], 'cosign.key', 'cosign.password');
  const context = { registry: client, now: () => new Date() };
  return {
    publicKey,
    async bundle(image, predicateType, predicate, { by = privateKey, logged = true } = {}) {
      const { digest } = parseDigestReference(image);
      const signed = signStatement(encodeStatement([{ sha256: digestHex(digest) }], predicateType, predicate), by);
      if (!logged) return signed;
      const http = createHttp({ log: silentLogger });
      try {
        return await addToLog(createRekor({ http, url: logUrl }), signed, createPublicKey(by));
      } finally {
        http.close();
      }
    },
    attach: (image, bundle, predicateType) => publishBundle(context, parseDigestReference(image), bundle, predicateType),
    attachPending: (image, bundle, predicateType, claimed) => publishPending(context, parseDigestReference(image), bundle, predicateType, claimed),
  };
}

/** A key that nobody trusts. */
export function foreignKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** The trusted root of the bench with another key under the same URL, as when somebody took over the name of the log. */
export async function rootWithAnotherKey(trust: string): Promise<string> {
  const root = JSON.parse(await readFile(join(trust, 'trusted_root.json'), 'utf8'));
  const { publicKey } = generateKeyPairSync('ed25519');
  root.tlogs[0].publicKey.rawBytes = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  return JSON.stringify(root);
}

/** The bundle with what `change` does to its log entry. */
export function withEntry(bundle: DsseBundle, change: (entry: ForgedEntry, material: { tlogEntries: ForgedEntry[] }) => void): DsseBundle {
  const json = JSON.parse(String(encodeBundle(bundle)));
  change(json.verificationMaterial.tlogEntries[0], json.verificationMaterial);
  return decodeBundle(Buffer.from(JSON.stringify(json)), 'the forged bundle');
}

export function entryOf(bundle: DsseBundle): ForgedEntry {
  return JSON.parse(String(encodeBundle(bundle))).verificationMaterial.tlogEntries[0];
}

/** The log entry of a bundle in its JSON form, as far as tests change it. */
export type ForgedEntry = { canonicalizedBody: string; inclusionProof: { hashes: string[]; treeSize: string } };
