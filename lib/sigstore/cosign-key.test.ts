// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, randomBytes, scryptSync } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { decryptCosignKey, generateCosignKey } from './cosign-key.ts';
import { COSIGN_KEY, newSigningKey } from './test-keys.ts';

const TYPE = 'ENCRYPTED SIGSTORE PRIVATE KEY';
const PASSWORDS = ['', 'grün "und" \\ rot'];
const BODY = bodyOf(COSIGN_KEY.privatePem);

/** The JSON in a key file. */
function bodyOf(privatePem: string): ReturnType<typeof JSON.parse> {
  return JSON.parse(Buffer.from(privatePem.split('\n').slice(1, -2).join(''), 'base64').toString());
}

function pem(body: unknown, type = TYPE): string {
  const text = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)).toString('base64');
  return `-----BEGIN ${type}-----\n${text}\n-----END ${type}-----\n`;
}

/** The body with the member at the dotted path set to the value. */
function withMember(path: string, value: unknown): unknown {
  const body = structuredClone(BODY);
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce((object, name) => object[name], body);
  parent[last] = value;
  return body;
}

function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString('base64');
}

/** A key file as older cosign wrote it, cheaper to open, around any content. */
function encrypt(content: Uint8Array, password: string): typeof BODY {
  const N = 32_768;
  const salt = randomBytes(32);
  const nonce = randomBytes(24);
  const ciphertext = xsalsa20poly1305(scryptSync(password, salt, 32, { N, r: 8, p: 1, maxmem: 2 ** 28 }), nonce).encrypt(content);
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return {
    kdf: { name: 'scrypt', params: { N, r: 8, p: 1 }, salt: base64(salt) },
    cipher: { name: 'nacl/secretbox', nonce: base64(nonce) },
    ciphertext: base64(ciphertext),
  };
}

function publicPemOf(key: Parameters<typeof createPublicKey>[0]): string {
  return createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString();
}

const CHEAP = encrypt(newSigningKey('cheap').privateKey.export({ format: 'der', type: 'pkcs8' }), COSIGN_KEY.password);

describe('decryptCosignKey', () => {
  it('opens a key with the settings of older cosign', async () => {
    expect((await decryptCosignKey(pem(CHEAP), COSIGN_KEY.password, 'cosign.key')).asymmetricKeyType).toBe('ec');
  });

  it.each([
    ['as it is', COSIGN_KEY.privatePem],
    ['with the old PEM type and Windows line ends', COSIGN_KEY.privatePem.replaceAll('SIGSTORE', 'COSIGN').replaceAll('\n', '\r\n')],
  ])('opens a key that cosign made, %s', async (_how, text) => {
    const key = await decryptCosignKey(text, COSIGN_KEY.password, 'cosign.key');
    expect(publicPemOf(key)).toBe(COSIGN_KEY.publicPem);
  });

  it.each([
    ['another password', pem(CHEAP), 'wrong horse'],
    ['no password', pem(CHEAP), ''],
    ['a changed ciphertext', pem({ ...CHEAP, ciphertext: flipped(CHEAP.ciphertext) }), COSIGN_KEY.password],
    ['a truncated ciphertext', pem({ ...CHEAP, ciphertext: CHEAP.ciphertext.slice(0, 8) }), COSIGN_KEY.password],
    ['an empty ciphertext', pem({ ...CHEAP, ciphertext: '' }), COSIGN_KEY.password],
    ['a changed salt', pem({ ...CHEAP, kdf: { ...CHEAP.kdf, salt: flipped(CHEAP.kdf.salt) } }), COSIGN_KEY.password],
    ['the strongest scrypt settings that cosign takes, which are not those of the file', pem(withMember('kdf.params.N', 131_072)), COSIGN_KEY.password],
  ])('does not open with %s', async (_what, text, password) => {
    const opening = decryptCosignKey(text, password, 'key file a.key');
    await expect(opening).rejects.toMatchObject({ kind: 'input', code: 'KEY_PASSWORD_WRONG', message: 'the password does not open key file a.key' });
  });

  it('refuses a file that opens and holds no key', async () => {
    const text = pem(encrypt(Buffer.from('no key at all'), 'x'));
    await expect(decryptCosignKey(text, 'x', 'a.key')).rejects.toMatchObject({
      code: 'KEY_INVALID',
      message: expect.stringContaining('not a PKCS#8 private key'),
    });
  });

  // Each of these would take gigabytes or hours, or make the password cheap to guess.
  it.each([
    { N: 2 ** 30, r: 8, p: 1 },
    { N: 65_536, r: 1_000_000, p: 1 },
    { N: 65_536, r: 8, p: 1_000_000 },
    { N: 2, r: 8, p: 1 },
    { N: 65_536, r: 1, p: 8 },
    { N: 0, r: 0, p: 0 },
    { N: -65_536, r: 8, p: 1 },
    { N: 65_536.5, r: 8, p: 1 },
  ])('does not do the work of %o', async (params) => {
    const started = performance.now();
    const opening = decryptCosignKey(pem(withMember('kdf.params', params)), COSIGN_KEY.password, 'a.key');
    await expect(opening).rejects.toMatchObject({
      kind: 'input',
      code: 'KEY_INVALID',
      message: expect.stringContaining(`N=${params.N}, r=${params.r}, p=${params.p}`),
    });
    expect(performance.now() - started).toBeLessThan(100);
  });

  it.each([
    ['an empty file', '', 'not a PEM file'],
    ['a huge file', COSIGN_KEY.privatePem + '\n'.repeat(64 * 1024), 'not a PEM file'],
    ['a public key', COSIGN_KEY.publicPem, 'a PEM file of type "PUBLIC KEY"'],
    ['a plain private key', pem('x', 'PRIVATE KEY'), 'a PEM file of type "PRIVATE KEY"'],
    ['an encrypted PKCS#8 key', pem('x', 'ENCRYPTED PRIVATE KEY'), 'a PEM file of type "ENCRYPTED PRIVATE KEY"'],
    ['two types at once', COSIGN_KEY.privatePem.replace('END ENCRYPTED SIGSTORE', 'END ENCRYPTED COSIGN'), 'not a PEM file'],
    ['a file cut in the middle', COSIGN_KEY.privatePem.slice(0, 300), 'not a PEM file'],
    ['a file without its end line', COSIGN_KEY.privatePem.split('\n').slice(0, -2).join('\n'), 'not a PEM file'],
    ['a body cut in the middle', pem(JSON.stringify(BODY).slice(0, 200)), 'does not hold what cosign writes'],
    ['a body that is no JSON', pem('{'), 'does not hold what cosign writes'],
    ['null', pem('null'), 'does not hold what cosign writes'],
    ['another key derivation', pem(withMember('kdf.name', 'pbkdf2')), 'does not hold what cosign writes'],
    ['scrypt settings as text', pem(withMember('kdf.params.N', '65536')), 'does not hold what cosign writes'],
    ['no scrypt settings', pem(withMember('kdf.params', undefined)), 'does not hold what cosign writes'],
    ['another cipher', pem(withMember('cipher.name', 'aes-256-gcm')), 'does not hold what cosign writes'],
    ['a short nonce', pem(withMember('cipher.nonce', 'AAAA')), 'does not hold what cosign writes'],
    ['no ciphertext', pem(withMember('ciphertext', undefined)), 'does not hold what cosign writes'],
  ])('refuses %s', async (_what, text, part) => {
    const opening = decryptCosignKey(text, COSIGN_KEY.password, 'key file a.key');
    await expect(opening).rejects.toMatchObject({ kind: 'input', code: 'KEY_INVALID', message: expect.stringContaining(part) });
    await expect(opening).rejects.toThrow(/^key file a\.key /);
  });
});

describe('generateCosignKey', () => {
  let pairs: Record<string, Awaited<ReturnType<typeof generateCosignKey>>>;
  beforeAll(async () => {
    pairs = Object.fromEntries(await Promise.all(PASSWORDS.map(async (password) => [password, await generateCosignKey(password)])));
  });

  it.each(PASSWORDS)('makes a pair that the password %j opens', async (password) => {
    const { privatePem = '', publicPem } = pairs[password] ?? {};
    const key = await decryptCosignKey(privatePem, password, 'new key');
    expect(publicPemOf(key)).toBe(publicPem);
    expect(key.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
  });

  it('makes another pair, salt and nonce each time', () => {
    const [one, other] = Object.values(pairs).map(({ privatePem, publicPem }) => ({ publicPem, body: bodyOf(privatePem) }));
    expect(one?.publicPem).not.toBe(other?.publicPem);
    expect(one?.body.kdf.salt).not.toBe(other?.body.kdf.salt);
    expect(one?.body.cipher.nonce).not.toBe(other?.body.cipher.nonce);
  });

  it.each(PASSWORDS)('writes a file of the form that cosign writes: %j', (password) => {
    const lines = pairs[password]?.privatePem.split('\n') ?? [];
    expect([lines[0], lines.at(-2), lines.at(-1)]).toEqual([`-----BEGIN ${TYPE}-----`, `-----END ${TYPE}-----`, '']);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(64);
    const body = bodyOf(lines.join('\n'));
    expect(Object.keys(body)).toEqual(Object.keys(BODY));
    expect([body.kdf.name, body.kdf.params, body.cipher.name]).toEqual([BODY.kdf.name, BODY.kdf.params, BODY.cipher.name]);
    const sizes = ({ kdf, cipher, ciphertext }: typeof BODY): number[] =>
      [kdf.salt, cipher.nonce, ciphertext].map((text) => Buffer.from(text, 'base64').length);
    expect(sizes(body)).toEqual(sizes(BODY));
  });
});
