// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCommitKey } from './signing-key.ts';
import { MESSAGE, NOW, PASSWORD, PLAIN, REVOKED, RSA, RSA_SIGNATURE } from './test-gpg-keys.ts';

const FILES = { keys: ['ssh-privatekey', 'gpg-privatekey'], password: 'passphrase' };
let room: string;
let sshKey: string;
beforeAll(() => {
  room = mkdtempSync(join(tmpdir(), 'signing-key-'));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(room, 'id')]);
  sshKey = readFileSync(join(room, 'id'), 'utf8');
});
afterAll(() => rmSync(room, { recursive: true }));

let count = 0;
function open(files: Record<string, string>): ReturnType<typeof openCommitKey> {
  count += 1;
  const folder = join(room, String(count));
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return openCommitKey(folder, FILES, () => new Date(NOW * 1000 + 999));
}

describe('the content tells what the key is', () => {
  test.each(FILES.keys)('a GPG key in the file %s', async (name) => {
    const key = await open({ [name]: RSA, passphrase: `${PASSWORD}\n` });
    expect(key.name).toBe('gpg-rsa 85FC731671785AE19947CC8C3A76A309A48F7B54');
    expect(key.sign(MESSAGE)).toBe(RSA_SIGNATURE);
  });

  test.each(FILES.keys)('an SSH key in the file %s', async (name) => {
    const key = await open({ [name]: sshKey });
    expect(key.name).toMatch(/^ssh-ed25519 SHA256:/);
    expect(key.sign(MESSAGE)).toMatch(/^-----BEGIN SSH SIGNATURE-----\n/);
  });
});

describe('what is refused', () => {
  test.each<[string, Record<string, string>, string, RegExp]>([
    ['no file', { passphrase: 'x' }, 'KEY_MISSING', /no file ssh-privatekey or gpg-privatekey in the workspace signing-key/],
    ['both files', { 'ssh-privatekey': 'x', 'gpg-privatekey': PLAIN }, 'KEY_INVALID', /ssh-privatekey and gpg-privatekey are both there/],
    ['an empty file', { 'gpg-privatekey': '' }, 'KEY_INVALID', /key file gpg-privatekey/],
    ['a public GPG key', { 'gpg-privatekey': PLAIN.replaceAll('PRIVATE', 'PUBLIC') }, 'KEY_INVALID', /PGP PRIVATE KEY BLOCK/],
    ['a wrong password', { 'gpg-privatekey': RSA, passphrase: 'guess' }, 'KEY_PASSWORD_WRONG', /key file gpg-privatekey/],
    ['no password', { 'gpg-privatekey': RSA }, 'KEY_PASSWORD_WRONG', /key file gpg-privatekey/],
    ['a revoked key', { 'gpg-privatekey': REVOKED }, 'KEY_UNUSABLE', /key file gpg-privatekey .* is revoked/],
    ['a large file', { 'gpg-privatekey': PLAIN + ' '.repeat(70_000) }, 'FILE_TOO_LARGE', /gpg-privatekey/],
  ])('%s', async (_, files, code, message) => {
    await expect(open(files)).rejects.toMatchObject({ kind: 'input', code, message: expect.stringMatching(message) });
  });
});
