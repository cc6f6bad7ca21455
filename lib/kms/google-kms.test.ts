// SPDX-License-Identifier: Apache-2.0
import { verify } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll, failureOf } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { openKeyReference, openPublicKey } from './key-reference.ts';
import { contextWith, type Fault, fakeGoogle, GOOGLE_KEY, KEYS, type KeyType, MESSAGE } from './test-services.ts';

afterEach(closeAll);

const PINNED = `gcpkms://${GOOGLE_KEY}/cryptoKeyVersions/7`;
const isSign = (url: string): boolean => url.endsWith(':asymmetricSign');

async function signWith(type: KeyType, reference: string, fault?: Fault) {
  const { server, settings } = await fakeGoogle(type, fault);
  const context = contextWith(settings);
  const attempt = async (): Promise<Buffer> => (await openKeyReference(reference, context)).sign(MESSAGE);
  return { server, attempt };
}

describe('a key of Cloud KMS', () => {
  test.each<KeyType>(['p256', 'p384', 'rsa', 'ed25519'])('signs: %s', async (type) => {
    const { server, attempt } = await signWith(type, PINNED);
    expect(verify(KEYS[type].hash, MESSAGE, KEYS[type].publicKey, await attempt())).toBe(true);
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /computeMetadata/v1/instance/service-accounts/default/token',
      `GET /v1/${GOOGLE_KEY}/cryptoKeyVersions/7/publicKey`,
      `POST /v1/${GOOGLE_KEY}/cryptoKeyVersions/7:asymmetricSign`,
    ]);
    expect(server.seen[2]?.headers.authorization).toBe('Bearer ya29.token-1');
  });

  test('is named in the short form of cosign, too', async () => {
    const { attempt } = await signWith('p256', `gcpkms://${GOOGLE_KEY}/versions/7`);
    expect(await attempt()).toBeInstanceOf(Buffer);
  });

  test('without a version is the newest enabled one, on whichever page it is', async () => {
    const { server, attempt } = await signWith('p256', `gcpkms://${GOOGLE_KEY}`);
    await attempt();
    expect(server.seen.at(-1)?.url).toBe(`/v1/${GOOGLE_KEY}/cryptoKeyVersions/7:asymmetricSign`);
  });

  test('gets a new token when the old one is not taken any more', async () => {
    const fault: Fault = (answer, { url, headers }) => (isSign(url) && headers.authorization === 'Bearer ya29.token-1' ? 401 : answer);
    const { server, attempt } = await signWith('p256', PINNED, fault);
    await attempt();
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer ya29.token-2');
  });

  test('that stays unauthorized is refused after one more try', async () => {
    const { server, attempt } = await signWith('p256', PINNED, () => 401);
    expect(await failureOf(attempt())).toMatchObject({
      kind: 'refused',
      code: 'KMS_REFUSED',
      message: expect.stringContaining('token of the metadata server'),
    });
    expect(server.seen).toHaveLength(4);
  });

  test.each<[string, Fault, object]>([
    ['a public key changed on the way', (answer) => ({ ...answer, pemCrc32c: '1' }), { kind: 'transient', code: 'KMS_CORRUPTED' }],
    [
      'a request changed on the way',
      (answer, { url }) => (isSign(url) ? { ...answer, verifiedDigestCrc32c: false } : answer),
      { kind: 'transient', code: 'KMS_CORRUPTED' },
    ],
    [
      'a checksum that nobody looked at',
      (answer, { url }) => (isSign(url) ? { ...answer, verifiedDigestCrc32c: undefined } : answer),
      { kind: 'transient', code: 'KMS_CORRUPTED' },
    ],
    [
      'a signature changed on the way',
      (answer, { url }) => (isSign(url) ? { ...answer, signatureCrc32c: '12' } : answer),
      { kind: 'transient', code: 'KMS_CORRUPTED' },
    ],
    [
      'the signature of another version',
      (answer, { url }) => (isSign(url) ? { ...answer, name: `${GOOGLE_KEY}/cryptoKeyVersions/6` } : answer),
      { kind: 'refused', code: 'KMS_ANSWER_INVALID' },
    ],
    [
      'the public key of another version',
      (answer, { url }) => (isSign(url) ? answer : { ...answer, name: `${GOOGLE_KEY}/cryptoKeyVersions/6` }),
      { kind: 'refused', code: 'KMS_ANSWER_INVALID' },
    ],
    ['no rights', () => 403, { kind: 'refused', code: 'KMS_REFUSED', hint: expect.stringContaining('roles/cloudkms.signerVerifier') }],
    [
      'a disabled version',
      (answer, { url }) => (isSign(url) ? 400 : answer),
      { kind: 'refused', code: 'KMS_REFUSED', hint: expect.stringContaining('enabled') },
    ],
    ['no such key', () => 404, { kind: 'refused', code: 'KMS_REFUSED' }],
    ['another service', () => ({ hello: 'there' }), { kind: 'refused', code: 'KMS_ANSWER_INVALID' }],
    ['RSA-PSS', (answer) => ({ ...answer, algorithm: 'RSA_SIGN_PSS_2048_SHA256' }), { kind: 'input', code: 'KEY_UNSUPPORTED' }],
    ['a service in trouble', () => 503, { kind: 'transient', code: 'HTTP_SERVER_ERROR' }],
  ])('with %s gives no signature', async (_what, fault, expected) => {
    const { attempt } = await signWith('p256', PINNED, fault);
    expect(await failureOf(attempt())).toMatchObject(expected);
  });

  test('with no enabled version is missing', async () => {
    const { attempt } = await signWith('p256', `gcpkms://${GOOGLE_KEY}`, () => ({}));
    expect(await failureOf(attempt())).toMatchObject({ kind: 'input', code: 'KEY_MISSING' });
  });

  test('of type Ed25519 signs no message that is too large for the service', async () => {
    const { settings } = await fakeGoogle('ed25519');
    const key = await openKeyReference(PINNED, contextWith(settings));
    expect(await failureOf(key.sign(Buffer.alloc(64 * 1024 + 1)))).toMatchObject({ kind: 'input', code: 'KEY_UNSUPPORTED' });
  });

  test.each([
    'gcpkms://images',
    `gcpkms://${GOOGLE_KEY}/cryptoKeyVersions/newest`,
    `gcpkms://${GOOGLE_KEY}/../x`,
    'gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k?x=y',
  ])('%s names none', async (reference) => {
    expect(await failureOf(openPublicKey(reference, contextWith({})))).toMatchObject({ kind: 'input', code: 'KEY_REFERENCE_INVALID' });
  });

  test('needs no plain HTTP for a token', async () => {
    const warnings: string[] = [];
    const { settings } = await fakeGoogle('p256');
    const elsewhere = { ...settings, CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: 'http://kms.example.com' };
    const log = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    const http = async () => Promise.reject(new Error('sent'));
    await openPublicKey(PINNED, contextWith(elsewhere, { log, http })).catch(() => undefined);
    expect(warnings).toEqual([expect.stringContaining('plain HTTP')]);
  });
});
