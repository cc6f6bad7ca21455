// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { inputError, refusedError } from '../errors/errors.ts';
import type { HttpRequest } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { parsePublicKey } from '../sigstore/public-key.ts';
import type { KeptKey, KeyOpener } from './key-reference.ts';
import { type KmsContext, signingInput, withToken } from './kms-context.ts';
import { logIn, vaultHeaders, vaultPlace } from './vault-login.ts';

const NAME = /^\w(?:[\w.-]*\w)?$/;
/** The names of hash algorithms in paths of the transit engine. */
const HASH_PATH: Readonly<Record<string, string>> = { sha256: 'sha2-256', sha384: 'sha2-384', sha512: 'sha2-512' };
const SIGNATURE = /^vault:v(\d{1,9}):([A-Za-z0-9+/]+={0,2})$/;
/** SubjectPublicKeyInfo of an Ed25519 key in front of its 32 bytes (RFC 8410). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

const Key = z.object({
  data: z.object({
    type: z.string(),
    latest_version: z.int().positive(),
    keys: z.record(z.string(), z.union([z.object({ public_key: z.string() }), z.unknown()])),
  }),
});
const Signed = z.object({ data: z.object({ signature: z.string() }) });

type Call = <T>(request: Pick<HttpRequest, 'what' | 'method' | 'body'> & { path: string }, shape: z.ZodType<T>) => Promise<T>;

/**
 * A key of the transit engine of HashiCorp Vault or OpenBao, `hashivault://KEY` or `openbao://KEY`, in its latest version.
 * Settings as for cosign: VAULT_ADDR (BAO_ADDR), VAULT_TOKEN (BAO_TOKEN), TRANSIT_SECRET_ENGINE_PATH, VAULT_NAMESPACE; and VAULT_ROLE for a login by the pod's service account (`vault-login.ts`).
 * Follows the HTTP API of the transit engine ("Read key", "Sign data"): digests are sent prehashed, ECDSA comes back in DER (asn1), RSA by PKCS#1 v1.5.
 */
export const openTransitKey: KeyOpener = async ({ scheme, place }, context): Promise<KeptKey> => {
  if (!NAME.test(place)) throw inputError('KEY_REFERENCE_INVALID', `"${scheme}://${place.slice(0, 200)}" names no key`, { hint: `write ${scheme}://KEY` });
  const what = `${scheme}://${place}`;
  const engine = await enginePath(context);
  const call = await connect(context);
  const { data } = await call({ what: `read the public key of ${what}`, path: `${engine}/keys/${place}` }, Key);
  const version = data.latest_version;
  const key = readPublicKey(data.keys[String(version)], data.type, `version ${version} of ${what}`);
  return {
    key,
    sign: async (message) => {
      const { hash, input } = signingInput(key, message);
      const body = {
        input: input.toString('base64'),
        prehashed: hash !== undefined,
        // The version whose public key was read: the latest may be another one by now.
        key_version: version,
        signature_algorithm: 'pkcs1v15',
        marshaling_algorithm: 'asn1',
      };
      const path = `${engine}/sign/${place}${hash === undefined ? '' : `/${HASH_PATH[hash]}`}`;
      const answer = await call({ what: `sign with ${what}`, path, method: 'POST', body: Buffer.from(JSON.stringify(body)) }, Signed);
      return readSignature(answer.data.signature, version, what);
    },
  };
};

function readPublicKey(entry: unknown, type: string, what: string): KeyObject {
  const text = typeof entry === 'object' && entry !== null && 'public_key' in entry && typeof entry.public_key === 'string' ? entry.public_key : '';
  if (text === '') {
    throw inputError('KEY_UNSUPPORTED', `${what} is of type ${type.slice(0, 40)} and has no public key`, {
      hint: 'make a transit key of type ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096 or ed25519',
    });
  }
  if (type !== 'ed25519') return parsePublicKey(text, what);
  try {
    return createPublicKey({ key: Buffer.concat([ED25519_SPKI, Buffer.from(text, 'base64')]), format: 'der', type: 'spki' });
  } catch (cause) {
    throw refusedError('KMS_ANSWER_INVALID', `the public key of ${what} is no Ed25519 key`, { cause });
  }
}

function readSignature(text: string, version: number, what: string): Buffer {
  const [, signedBy, signature = ''] = SIGNATURE.exec(text) ?? [];
  if (signedBy === undefined) throw refusedError('KMS_ANSWER_INVALID', `the signature by ${what} is not of the form vault:vN:…`);
  if (Number(signedBy) !== version) throw refusedError('KMS_ANSWER_INVALID', `version ${version} of ${what} was to sign, and version ${signedBy} did`);
  return Buffer.from(signature, 'base64');
}

async function enginePath({ setting }: KmsContext): Promise<string> {
  return vaultPlace((await setting('TRANSIT_SECRET_ENGINE_PATH')) ?? 'transit', 'TRANSIT_SECRET_ENGINE_PATH');
}

async function connect(context: KmsContext): Promise<Call> {
  const { base, token } = await logIn(context);
  // Vault answers 403 to a token that ran out, too.
  const authorized = withToken(token, (status) => status === 403);
  const common = await vaultHeaders(context);
  return async ({ path, ...request }, shape) => {
    let credential = '';
    const response = await authorized(({ token: value, name }) => {
      credential = name;
      const headers = { ...common, 'x-vault-token': value };
      // Two signatures over the same digest are as good as one.
      return context.http({ ...request, url: `${base}/v1/${path}`, headers, retryable: true, maxBytes: 1024 * 1024 });
    });
    if (response.status !== 200) throw await refusal(response, request.what, { code: 'KMS_REFUSED', credential, hint: hintFor(response.status) });
    const parsed = shape.safeParse(await response.json());
    if (parsed.success) return parsed.data;
    throw refusedError('KMS_ANSWER_INVALID', `cannot ${request.what}: the answer is not that of a transit engine`, {
      hint: 'check VAULT_ADDR and TRANSIT_SECRET_ENGINE_PATH',
      cause: parsed.error,
    });
  };
}

function hintFor(status: number): string {
  if (status === 404) return 'check the name of the key, TRANSIT_SECRET_ENGINE_PATH and VAULT_NAMESPACE';
  if (status === 403) return 'the token must be valid, and its policy allow "read" on transit/keys/KEY and "update" on transit/sign/KEY/*';
  return 'check that the key is of a type that signs';
}
