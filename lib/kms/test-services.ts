// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type ScriptedServer, type SeenRequest, serve, testClient } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { crc32c } from './crc32c.ts';
import type { KmsContext } from './kms-context.ts';

/** A key pair of each type that a service may have, with the hash algorithm that it signs with. */
export const KEYS = {
  p256: { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }), hash: 'sha256' },
  p384: { ...generateKeyPairSync('ec', { namedCurve: 'P-384' }), hash: 'sha384' },
  rsa: { ...generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256' },
  ed25519: { ...generateKeyPairSync('ed25519'), hash: undefined },
} satisfies Record<string, { privateKey: KeyObject; publicKey: KeyObject; hash: string | undefined }>;
export type KeyType = keyof typeof KEYS;

export const MESSAGE = Buffer.from('DSSEv1 28 application/vnd.in-toto+json 2 {}');
export const GOOGLE_KEY = 'projects/example.com:shop/locations/global/keyRings/release/cryptoKeys/images';

const ALGORITHM: Record<KeyType, string> = {
  p256: 'EC_SIGN_P256_SHA256',
  p384: 'EC_SIGN_P384_SHA384',
  rsa: 'RSA_SIGN_PKCS1_2048_SHA256',
  ed25519: 'EC_SIGN_ED25519',
};

type Json = Record<string, unknown>;
/** What goes wrong: an answer that is another one, or a status. */
export type Fault = (answer: Json, request: SeenRequest) => Json | number;
export const noFault: Fault = (answer) => answer;

export function contextWith(settings: Record<string, string>, more: Partial<KmsContext> = {}): KmsContext {
  return {
    http: testClient(),
    log: silentLogger,
    setting: async (name) => settings[name],
    folder: undefined,
    kube: async () => {
      throw new Error('there is no cluster here');
    },
    env: {},
    now: () => new Date('2026-08-15T12:00:00Z'),
    ...more,
  };
}

/** The signature over MESSAGE of a service that was sent its digest (or, for Ed25519, itself); Node signs no digests, so any other is refused. */
export function signatureFor(type: KeyType, sent: Buffer): Buffer {
  const { hash, privateKey } = KEYS[type];
  const expected = hash === undefined ? MESSAGE : createHash(hash).update(MESSAGE).digest();
  if (!sent.equals(expected)) throw new Error('what was sent is not what has to be signed');
  return sign(hash ?? null, MESSAGE, privateKey);
}

export function pemOf(type: KeyType): string {
  return KEYS[type].publicKey.export({ format: 'pem', type: 'spki' }).toString();
}

function send(response: ServerResponse, answer: Json | number): void {
  const [status, body] =
    typeof answer === 'number' ? [answer, { error: { code: answer, message: 'the fake says no' }, errors: ['the fake says no'] }] : [200, answer];
  response.writeHead(status, { 'content-type': 'application/json', 'metadata-flavor': 'Google' }).end(JSON.stringify(body));
}

/** Cloud KMS (version 7 of GOOGLE_KEY is the newest enabled one) and the metadata server in one; every token that it gives out is another one. */
export async function fakeGoogle(type: KeyType, fault: Fault = noFault): Promise<{ server: ScriptedServer; settings: Record<string, string> }> {
  let tokens = 0;
  const server = await serve((request, response) => {
    if (request.url.startsWith('/computeMetadata/')) {
      tokens += 1;
      return send(response, { access_token: `ya29.token-${tokens}`, expires_in: 3599 });
    }
    send(response, fault(googleAnswer(type, request), request));
  });
  const settings = { CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: server.url, GCE_METADATA_HOST: new URL(server.url).host };
  return { server, settings };
}

function googleAnswer(type: KeyType, { url, body }: SeenRequest): Json {
  const path = url.replace('/v1/', '');
  if (path.startsWith(`${GOOGLE_KEY}/cryptoKeyVersions?`)) {
    const version = (number: number, state: string): Json => ({ name: `${GOOGLE_KEY}/cryptoKeyVersions/${number}`, state });
    if (!path.includes('pageToken=')) return { cryptoKeyVersions: [version(6, 'ENABLED'), version(10, 'DISABLED')], nextPageToken: 'more' };
    return { cryptoKeyVersions: [version(7, 'ENABLED'), version(2, 'ENABLED')] };
  }
  const [, name = '', call] = /^(.*\/cryptoKeyVersions\/\d+)(\/publicKey|:asymmetricSign)$/.exec(path) ?? [];
  if (call === '/publicKey') {
    const pem = pemOf(type);
    return { name, algorithm: ALGORITHM[type], pem, pemCrc32c: String(crc32c(Buffer.from(pem))) };
  }
  const asked = JSON.parse(body.toString());
  const sent = Buffer.from(asked.data ?? asked.digest[KEYS[type].hash ?? ''], 'base64');
  const signature = signatureFor(type, sent);
  const verified = (asked.dataCrc32c ?? asked.digestCrc32c) === String(crc32c(sent));
  return {
    name,
    signature: signature.toString('base64'),
    signatureCrc32c: String(crc32c(signature)),
    ...(asked.data === undefined ? { verifiedDigestCrc32c: verified } : { verifiedDataCrc32c: verified }),
  };
}

const VAULT_TYPE: Record<KeyType, string> = { p256: 'ecdsa-p256', p384: 'ecdsa-p384', rsa: 'rsa-2048', ed25519: 'ed25519' };
const VAULT_HASH: Record<string, string> = { sha256: '/sha2-256', sha384: '/sha2-384' };

/** A transit engine (version 3 of the key `release` is the latest) and the Kubernetes login of Vault; every login gives another token. */
export async function fakeVault(type: KeyType, fault: Fault = noFault): Promise<{ server: ScriptedServer; settings: Record<string, string> }> {
  let logins = 0;
  const server = await serve((request, response) => {
    if (request.url.endsWith('/login')) {
      logins += 1;
      return send(response, fault({ auth: { client_token: `hvs.login-${logins}`, lease_duration: 60 } }, request));
    }
    send(response, fault(vaultAnswer(type, request), request));
  });
  return { server, settings: { VAULT_ADDR: server.url, VAULT_TOKEN: 'hvs.given-token' } };
}

function vaultAnswer(type: KeyType, { url, body }: SeenRequest): Json {
  const { publicKey, hash } = KEYS[type];
  if (url.includes('/keys/')) {
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    const key = { name: VAULT_TYPE[type], public_key: type === 'ed25519' ? spki.subarray(-32).toString('base64') : pemOf(type) };
    return { data: { type: VAULT_TYPE[type], latest_version: 3, keys: { '2': { ...key, public_key: 'older' }, '3': key } } };
  }
  const asked = JSON.parse(body.toString());
  const expected = { prehashed: hash !== undefined, key_version: 3, signature_algorithm: 'pkcs1v15', marshaling_algorithm: 'asn1' };
  for (const [field, value] of Object.entries(expected)) if (asked[field] !== value) throw new Error(`${field} is ${asked[field]}`);
  if (!url.endsWith(`/sign/release${hash === undefined ? '' : VAULT_HASH[hash]}`)) throw new Error(`signed at ${url}`);
  return { data: { signature: `vault:v3:${signatureFor(type, Buffer.from(asked.input, 'base64')).toString('base64')}`, key_version: 3 } };
}
