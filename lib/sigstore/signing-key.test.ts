// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scrub } from '../log/redact.ts';
import { generateCosignKey } from './cosign-key.ts';
import { openSigningKey } from './signing-key.ts';
import { COSIGN_KEY } from './test-keys.ts';

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
