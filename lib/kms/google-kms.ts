// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError, refusedError, type StepError, transientError } from '../errors/errors.ts';
import { readBounded } from '../files/bounded-read.ts';
import { METADATA_HOST, METADATA_VARIABLE, metadataToken } from '../google/metadata-token.ts';
import type { HttpRequest, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { parsePublicKey } from '../sigstore/public-key.ts';
import { crc32c } from './crc32c.ts';
import type { KeptKey, KeyOpener } from './key-reference.ts';
import { firstSetting, type KmsContext, type ServiceToken, settingFile, signingInput, staticToken, withToken } from './kms-context.ts';
import { serviceUrl } from './service-url.ts';

const ENDPOINT = 'https://cloudkms.googleapis.com';
/** As gcloud's own settings are named: another endpoint (Private Service Connect), and a file with an access token. */
const ENDPOINT_SETTING = 'CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS';
const TOKEN_FILE_SETTING = 'CLOUDSDK_AUTH_ACCESS_TOKEN_FILE';
/** Where the token of the pod goes on the word of a workspace: to Google, also by Private Service Connect (`*.p.googleapis.com`). */
const GOOGLE_ENDPOINT = /^https:\/\/(?:[a-z0-9-]+\.)+googleapis\.com$/;
const HOST = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

const PART = '[A-Za-z0-9][A-Za-z0-9_.:-]*';
const PLACE = new RegExp(
  `^(?<key>projects/${PART}/locations/${PART}/keyRings/${PART}/cryptoKeys/${PART})(?:/(?:cryptoKeyVersions|versions)/(?<version>[0-9]{1,10}))?$`,
);

/** The algorithms of Cloud KMS that sign as our verifiers (and cosign's) expect for the key; PSS, SHA-512 with RSA and secp256k1 do not. */
const ALGORITHMS = [
  'EC_SIGN_P256_SHA256',
  'EC_SIGN_P384_SHA384',
  'EC_SIGN_ED25519',
  'RSA_SIGN_PKCS1_2048_SHA256',
  'RSA_SIGN_PKCS1_3072_SHA256',
  'RSA_SIGN_PKCS1_4096_SHA256',
];
/** Cloud KMS takes so much of a message that it hashes itself (Ed25519). */
const MAX_DATA = 64 * 1024;
const MAX_PAGES = 20;
const MAX_TOKEN_FILE = 64 * 1024;

/** An int64 is a text in Google's JSON. */
const Checksum = z.union([z.string().regex(/^\d{1,10}$/), z.number()]).transform(Number);
const PublicKey = z.object({ name: z.string(), algorithm: z.string(), pem: z.string(), pemCrc32c: Checksum });
const Versions = z.object({ cryptoKeyVersions: z.array(z.object({ name: z.string(), state: z.string() })).default([]), nextPageToken: z.string().optional() });
const Signature = z.object({
  name: z.string(),
  signature: z.base64(),
  signatureCrc32c: Checksum,
  verifiedDigestCrc32c: z.boolean().optional(),
  verifiedDataCrc32c: z.boolean().optional(),
});

type Call = (request: Omit<HttpRequest, 'url' | 'headers'> & { path: string }) => Promise<HttpResponse>;

/**
 * A key of Google Cloud KMS, `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/N]` (also `/versions/N`, as cosign has it); without a version the highest enabled one.
 * Speaks the REST API v1 (`publicKey`, `asymmetricSign`) with the token of the pod's workload identity from the metadata server, and checks CRC32C both ways ("Verifying end-to-end data integrity").
 * On the word of a workspace that token goes to no host but Google's. Throws as `openKeyReference` says.
 */
export const openGoogleKey: KeyOpener = async ({ place }, context): Promise<KeptKey> => {
  const { key: parent, version } = PLACE.exec(place)?.groups ?? {};
  if (parent === undefined) {
    throw inputError('KEY_REFERENCE_INVALID', `"gcpkms://${place.slice(0, 300)}" names no key of Cloud KMS`, {
      hint: 'write gcpkms://projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/VERSION',
    });
  }
  const call = await connect(context);
  const name = version === undefined ? await newestVersion(call, parent) : `${parent}/cryptoKeyVersions/${version}`;
  const what = `gcpkms://${name}`;
  const found = await read(call, { what: `read the public key of ${what}`, path: `${name}/publicKey` }, PublicKey);
  checkName(found.name, [name, `${name}/publicKey`], what);
  if (crc32c(Buffer.from(found.pem)) !== found.pemCrc32c) throw corrupted(`the public key of ${what}`);
  if (!ALGORITHMS.includes(found.algorithm)) {
    throw inputError('KEY_UNSUPPORTED', `${what} signs by ${found.algorithm.slice(0, 80)}`, { hint: `make a key for one of ${ALGORITHMS.join(', ')}` });
  }
  const key = parsePublicKey(found.pem, `the public key of ${what}`);
  return { key, sign: (message) => signAt(call, name, signingInput(key, message)) };
};

async function signAt(call: Call, name: string, { hash, input }: ReturnType<typeof signingInput>): Promise<Buffer> {
  const what = `gcpkms://${name}`;
  if (hash === undefined && input.length > MAX_DATA) {
    throw inputError(
      'KEY_UNSUPPORTED',
      `${what} is an Ed25519 key, and Cloud KMS signs at most ${MAX_DATA} bytes with one; this statement has ${input.length}`,
      {
        hint: 'use an ECDSA key: it signs a digest, whatever the size',
      },
    );
  }
  const checksum = String(crc32c(input));
  const body =
    hash === undefined ? { data: input.toString('base64'), dataCrc32c: checksum } : { digest: { [hash]: input.toString('base64') }, digestCrc32c: checksum };
  const request = { what: `sign with ${what}`, path: `${name}:asymmetricSign`, method: 'POST', body: Buffer.from(JSON.stringify(body)) };
  // Two signatures over the same digest are as good as one.
  const answer = await read(call, { ...request, retryable: true }, Signature);
  checkName(answer.name, [name], what);
  if ((hash === undefined ? answer.verifiedDataCrc32c : answer.verifiedDigestCrc32c) !== true) throw corrupted(`what was sent to ${what}`);
  const signature = Buffer.from(answer.signature, 'base64');
  if (crc32c(signature) !== answer.signatureCrc32c) throw corrupted(`the signature by ${what}`);
  return signature;
}

async function newestVersion(call: Call, parent: string): Promise<string> {
  const enabled: { name: string; version: number }[] = [];
  for (let page = 0, token: string | undefined; page < MAX_PAGES; page += 1) {
    const query = new URLSearchParams({ filter: 'state=ENABLED', pageSize: '100', ...(token !== undefined && { pageToken: token }) });
    const answer = await read(call, { what: `list the versions of gcpkms://${parent}`, path: `${parent}/cryptoKeyVersions?${query}` }, Versions);
    for (const { name, state } of answer.cryptoKeyVersions) {
      const version = name.startsWith(`${parent}/cryptoKeyVersions/`) ? /\/(\d{1,10})$/.exec(name)?.[1] : undefined;
      if (state === 'ENABLED' && version !== undefined) enabled.push({ name, version: Number(version) });
    }
    token = answer.nextPageToken;
    if (!token) break;
  }
  const newest = enabled.sort((a, b) => b.version - a.version)[0];
  if (newest) return newest.name;
  throw inputError('KEY_MISSING', `gcpkms://${parent} has no enabled version`, { hint: 'enable a version of the key, or make one' });
}

async function connect(context: KmsContext): Promise<Call> {
  const endpoint = await firstSetting(context, [ENDPOINT_SETTING]);
  const base = serviceUrl(endpoint?.text, ENDPOINT_SETTING, context.log) ?? ENDPOINT;
  const tokenFile = await settingFile(context, TOKEN_FILE_SETTING);
  if (endpoint?.isOfFolder && !tokenFile?.isOfFolder && !GOOGLE_ENDPOINT.test(base)) {
    throw inputError('KMS_SETTING_INVALID', `${ENDPOINT_SETTING} in the workspace names ${base}, and the token of the pod goes to Google alone`, {
      hint: 'name a host below googleapis.com, or put the setting into the environment, or the token into the workspace as well',
    });
  }
  const authorized = withToken(await openToken(context, tokenFile?.text), (status) => status === 401);
  return async ({ path, ...request }) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    let credential = '';
    const response = await authorized(({ token, name }) => {
      credential = name;
      return context.http({ maxBytes: 1024 * 1024, ...request, url: `${base}/v1/${path}`, headers: { ...headers, authorization: `Bearer ${token}` } });
    });
    if (response.status === 200) return response;
    throw await refusal(response, request.what, { code: 'KMS_REFUSED', credential, hint: hintFor(response.status) });
  };
}

async function openToken(context: KmsContext, file: string | undefined): Promise<ServiceToken> {
  if (file !== undefined) {
    const name = `file that ${TOKEN_FILE_SETTING} names`;
    const token = (await readBounded(file, MAX_TOKEN_FILE, name)).toString('utf8').trim();
    return staticToken(token, name);
  }
  const host = (await context.setting(METADATA_VARIABLE)) ?? METADATA_HOST;
  if (!HOST.test(host)) throw inputError('KMS_SETTING_INVALID', `${METADATA_VARIABLE} is no host and port`);
  const renew = async (): Promise<ServiceToken> => ({
    token: (await metadataToken(context.http, `http://${host}`)).token,
    name: 'token of the metadata server',
    renew,
  });
  return renew();
}

async function read<T>(call: Call, request: Parameters<Call>[0], shape: z.ZodType<T>): Promise<T> {
  const parsed = shape.safeParse(await (await call(request)).json());
  if (parsed.success) return parsed.data;
  throw refusedError('KMS_ANSWER_INVALID', `cannot ${request.what}: the answer is not what Cloud KMS answers`, {
    hint: 'check that the endpoint is that of Cloud KMS, and no proxy in front of it',
    cause: parsed.error,
  });
}

/** A version other than the asked one would sign with another key. */
function checkName(name: string, wanted: readonly string[], what: string): void {
  if (!wanted.includes(name)) throw refusedError('KMS_ANSWER_INVALID', `the answer about ${what} is about ${name.slice(0, 300)}`);
}

function corrupted(what: string): StepError {
  return transientError('KMS_CORRUPTED', `${what} was changed on the way: its CRC32C is another`, {
    hint: 'run it again; if it happens again, look at what stands between here and Cloud KMS',
  });
}

function hintFor(status: number): string {
  if (status === 404) return 'check project, location, ring, key and version; without a version there must be an enabled one';
  if (status === 400) return 'the version must be enabled and made for asymmetric signing';
  return 'give the identity roles/cloudkms.signerVerifier on the key (and roles/cloudkms.viewer to find the version when the reference names none)';
}
