// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scrub } from '../log/redact.ts';
import { generateCosignKey } from './cosign-key.ts';
import { openSigningKey } from './signing-key.ts';
import { COSIGN_KEY } from './test-keys.ts';

const ED448 = generateKeyPairSync('ed448').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const OPENSSL = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signing-key-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

function open(): ReturnType<typeof openSigningKey> {
  return openSigningKey(folder, 'cosign.key', 'cosign.password');
}

describe('openSigningKey', () => {
  it.each([
    ['a password with a line break behind it', `${COSIGN_KEY.password}\n`],
    ['a password with a Windows line break behind it', `${COSIGN_KEY.password}\r\n`],
  ])('opens the key with %s and keeps the password out of the log', async (_what, password) => {
    await put({ 'cosign.key': COSIGN_KEY.privatePem, 'cosign.password': password });
    const key = await open();
    expect(key.name).toBe('cosign.key');
    expect(key.key.export({ format: 'pem', type: 'spki' })).toBe(COSIGN_KEY.publicPem);
    expect(key.privateKey.type).toBe('private');
    expect(scrub(`with ${COSIGN_KEY.password}`)).toBe('with ***');
  });

  it.each([
    ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey],
  ])('opens a PKCS#8 key in the clear: %s', async (_type, privateKey) => {
    await put({ 'cosign.key': privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() });
    expect((await open()).key.equals(createPublicKey(privateKey))).toBe(true);
  });

  it('follows the links of a mounted Secret, and needs no password file for the empty password', async () => {
    await mkdir(join(folder, '..data'));
    await writeFile(join(folder, '..data', 'cosign.key'), (await generateCosignKey('')).privatePem);
    await symlink('..data/cosign.key', join(folder, 'cosign.key'));
    expect((await open()).key.type).toBe('public');
  });

  it.each([
    ['no key file', {}, 'KEY_MISSING', 'cosign.key in the workspace signing-key'],
    ['a wrong password', { 'cosign.key': COSIGN_KEY.privatePem, 'cosign.password': 'tail battery' }, 'KEY_PASSWORD_WRONG', 'key file cosign.key'],
    [
      'a password with two line breaks',
      { 'cosign.key': COSIGN_KEY.privatePem, 'cosign.password': `${COSIGN_KEY.password}\n\n` },
      'KEY_PASSWORD_WRONG',
      'cosign.key',
    ],
    ['a public key', { 'cosign.key': COSIGN_KEY.publicPem }, 'KEY_INVALID', 'PUBLIC KEY'],
    ['a PKCS#8 file without a key', { 'cosign.key': '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n' }, 'KEY_INVALID', 'and is none'],
    ['a PKCS#8 key of a type that nobody verifies', { 'cosign.key': ED448 }, 'KEY_UNSUPPORTED', 'key of type ed448'],
    ['a key encrypted by openssl', { 'cosign.key': OPENSSL }, 'KEY_INVALID', 'ENCRYPTED PRIVATE KEY'],
    ['an empty key file', { 'cosign.key': '' }, 'KEY_INVALID', 'not a PEM file'],
    ['a huge key file', { 'cosign.key': 'x'.repeat(64 * 1024 + 1) }, 'FILE_TOO_LARGE', 'key file'],
    ['a huge password file', { 'cosign.key': COSIGN_KEY.privatePem, 'cosign.password': 'x'.repeat(4097) }, 'FILE_TOO_LARGE', 'password file'],
  ])('refuses %s', async (_what, files, code, part) => {
    await put(files as Record<string, string>);
    const error = await open().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'input', code, message: expect.stringContaining(part) });
    expect(String((error as Error).message)).not.toMatch(/battery|horse/);
  });

  it('refuses a folder in place of the key', async () => {
    await mkdir(join(folder, 'cosign.key'));
    await expect(open()).rejects.toMatchObject({ kind: 'input', code: 'FILE_UNREADABLE' });
  });
});
