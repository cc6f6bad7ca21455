// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { inputError, StepError } from '../../../lib/errors/errors.ts';
import { readBoundedIfPresent } from '../../../lib/files/bounded-read.ts';
import { checkpointKeyId } from '../../../lib/sigstore/checkpoint.ts';
import { writeDurably } from './durable-file.ts';

/** Who the log is: the name on its checkpoints, its key, and since when the key is valid. */
export type LogIdentity = { origin: string; privateKey: KeyObject; publicKey: KeyObject; validFrom: Date };

/** A `tlogs[]` element of a sigstore trusted root (protobuf-specs, dev.sigstore.trustroot.v1.TransparencyLogInstance) in its JSON form. */
export type TrustedLogJson = {
  baseUrl: string;
  hashAlgorithm: 'SHA2_256';
  publicKey: { rawBytes: string; keyDetails: 'PKIX_ED25519'; validFor: { start: string } };
  logId: { keyId: string };
  checkpointKeyId: { keyId: string };
};

const MAX_FILE = 64 * 1024;

const identitySchema = z.strictObject({ origin: z.string().min(1), validFrom: z.iso.datetime() });

/**
 * The identity kept in `dir`, made on the first start: `key.pem` (Ed25519, PKCS#8, mode 0600) and `log.json` (origin, validFrom).
 * Throws input LOG_IDENTITY_INVALID for files that are not those, LOG_ORIGIN_CHANGED when the log was made under another name: all its
 * proofs carry that name.
 */
export async function openIdentity(dir: string, origin: string, now: () => Date): Promise<LogIdentity> {
  const keyFile = join(dir, 'key.pem');
  const nameFile = join(dir, 'log.json');
  const pem = (await readBoundedIfPresent(keyFile, MAX_FILE, 'key of the log'))?.toString() ?? (await createKey(keyFile));
  const name = (await readBoundedIfPresent(nameFile, MAX_FILE, 'name of the log'))?.toString() ?? (await createName(nameFile, origin, now()));
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error(`${keyFile} is not an Ed25519 key`);
    const { origin: known, validFrom } = identitySchema.parse(JSON.parse(name));
    if (known === origin) return { origin, privateKey, publicKey: createPublicKey(privateKey), validFrom: new Date(validFrom) };
    throw inputError('LOG_ORIGIN_CHANGED', `log in ${dir} was made for the host ${known} and cannot go on as ${origin}`, {
      hint: `start it for ${known} again, or give it an empty directory`,
    });
  } catch (cause) {
    if (cause instanceof StepError) throw cause;
    throw inputError('LOG_IDENTITY_INVALID', `key.pem or log.json in ${dir} is not what the embedded log wrote there`, {
      cause,
      hint: 'give the log an empty directory',
    });
  }
}

/** The log as verifiers have to trust it, reached at `url`, whose host must be the log's origin (sigstore-go takes the name from there). */
export function trustedLog(log: Pick<LogIdentity, 'origin' | 'publicKey' | 'validFrom'> & { url: string }): TrustedLogJson {
  const keyId = checkpointKeyId(log).toString('base64');
  return {
    baseUrl: log.url,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: log.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
      keyDetails: 'PKIX_ED25519',
      validFor: { start: log.validFrom.toISOString() },
    },
    logId: { keyId },
    checkpointKeyId: { keyId },
  };
}

async function createKey(path: string): Promise<string> {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  await writeDurably(path, pem, 0o600);
  return pem;
}

async function createName(path: string, origin: string, validFrom: Date): Promise<string> {
  const text = `${JSON.stringify({ origin, validFrom: validFrom.toISOString() })}\n`;
  await writeDurably(path, text);
  return text;
}
