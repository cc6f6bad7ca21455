// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bcryptPbkdf } from './bcrypt-pbkdf.ts';
import { blowfishState } from './blowfish.ts';
import { parseSshKey } from './ssh-key.ts';
import { sshFingerprint, sshSignature } from './ssh-signature.ts';

const PASSWORD = 'ten-quiet-owls';
const MESSAGE = 'tree 0000\n\nmessage\n';
let room: string;
beforeAll(() => {
  room = mkdtempSync(join(tmpdir(), 'ssh-'));
});
afterAll(() => rmSync(room, { recursive: true }));

/** Makes a key with ssh-keygen; gives the text of the private half and the line of the public one. */
function keygen(name: string, ...args: string[]): { text: string; line: string } {
  const file = join(room, name);
  execFileSync('ssh-keygen', ['-q', '-C', 'robot', '-f', file, ...args]);
  return { text: readFileSync(file, 'utf8'), line: readFileSync(`${file}.pub`, 'utf8').trim() };
}

/** What the real ssh-keygen says about a signature. */
function verify(line: string, signature: string, message: string, namespace = 'git'): string {
  writeFileSync(join(room, 'allowed'), `robot@example.com namespaces="git" ${line}\n`);
  writeFileSync(join(room, 'signature'), signature);
  const args = ['-Y', 'verify', '-f', join(room, 'allowed'), '-I', 'robot@example.com', '-n', namespace, '-s', join(room, 'signature')];
  return execFileSync('ssh-keygen', args, { input: message, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

const KINDS = [
  ['ed25519', ['-t', 'ed25519']],
  ['ecdsa-256', ['-t', 'ecdsa', '-b', '256']],
  ['ecdsa-384', ['-t', 'ecdsa', '-b', '384']],
  ['ecdsa-521', ['-t', 'ecdsa', '-b', '521']],
  ['rsa', ['-t', 'rsa', '-b', '2048']],
] as const;

describe.each(KINDS)('a key of type %s', (name, args) => {
  const forms: [string, string, string[]][] = [
    ['plain', '', []],
    ['encrypted', PASSWORD, []],
    ['encrypted-cbc', PASSWORD, ['-Z', 'aes256-cbc']],
    ['pem', '', ['-m', 'PKCS8']],
    ['pem-encrypted', PASSWORD, ['-m', 'PKCS8']],
  ];
  // ssh-keygen writes Ed25519 keys in its own format alone.
  test.each(forms.filter(([form]) => name !== 'ed25519' || !form.startsWith('pem')))('%s: ssh-keygen takes its signature', (form, password, more) => {
    const { text, line } = keygen(`${name}-${form}`, '-N', password, ...args, ...more);
    const key = parseSshKey(text, password, 'key');
    const signature = sshSignature(key, MESSAGE, 'git');
    const fingerprint = sshFingerprint(key);
    expect(verify(line, signature, MESSAGE)).toContain(`Good "git" signature for robot@example.com`);
    expect(execFileSync('ssh-keygen', ['-lf', join(room, `${name}-${form}.pub`)], { encoding: 'utf8' })).toContain(fingerprint);
    expect(() => verify(line, signature, `${MESSAGE}.`)).toThrow(/incorrect signature|Could not verify/);
    expect(() => verify(line, signature, MESSAGE, 'file')).toThrow(/verif|namespace/i);
  });
});

describe('keys that are refused', () => {
  test.each([
    ['a wrong password', PASSWORD, 'guess'],
    ['no password', PASSWORD, ''],
  ])('%s', (name, password, given) => {
    const { text } = keygen(name.replaceAll(' ', '-'), '-t', 'ed25519', '-N', password);
    expect(() => parseSshKey(text, given, 'key file id')).toThrow(
      expect.objectContaining({ kind: 'input', code: 'KEY_PASSWORD_WRONG', message: 'the password does not open key file id' }),
    );
    const pem = keygen(`${name.replaceAll(' ', '-')}-pem`, '-t', 'rsa', '-b', '2048', '-m', 'PKCS8', '-N', password).text;
    expect(() => parseSshKey(pem, given, 'key file id')).toThrow(expect.objectContaining({ code: 'KEY_PASSWORD_WRONG' }));
  });

  const plain = (): string => keygen(`plain-${Math.random()}`, '-t', 'ed25519', '-N', '').text;
  const body = (text: string): Buffer => Buffer.from(text.replaceAll(/-----[^-]+-----/g, ''), 'base64');
  const armor = (bytes: Buffer): string => `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
  test.each([
    ['text', () => 'ssh-ed25519 AAAA', 'KEY_INVALID'],
    ['an empty file', () => '', 'KEY_INVALID'],
    ['a large file', () => plain() + ' '.repeat(70_000), 'KEY_INVALID'],
    ['a damaged PEM', () => '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'KEY_INVALID'],
    ['a cut key', () => armor(body(plain()).subarray(0, 120)), 'KEY_INVALID'],
    ['another format', () => armor(Buffer.from('openssh-key-v2\0')), 'KEY_INVALID'],
    ['another cipher', () => keygen('gcm', '-t', 'ed25519', '-N', PASSWORD, '-Z', 'aes256-gcm@openssh.com').text, 'KEY_UNSUPPORTED'],
    ['a short RSA key', () => keygen('short', '-t', 'rsa', '-b', '1024', '-N', '').text, 'KEY_UNSUPPORTED'],
  ])('%s', (_, make, code) => {
    expect(() => parseSshKey(make(), PASSWORD, 'key file id')).toThrow(expect.objectContaining({ kind: 'input', code }));
  });
});

describe('bcrypt_pbkdf', () => {
  test('the state begins with the digits of pi', () => {
    const state = blowfishState();
    expect([...state.subarray(0, 2), state.at(-1)].map((word) => ((word ?? 0) >>> 0).toString(16))).toEqual(['243f6a88', '85a308d3', '3ac372e6']);
  });

  test('another salt, password, number of rounds or length gives another key', () => {
    const base = bcryptPbkdf(Buffer.from('password'), Buffer.from('salt'), 4, 32);
    // The first vector of OpenBSD's regress/lib/libutil/bcrypt_pbkdf.
    expect(base.toString('hex')).toBe('5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9');
    expect(bcryptPbkdf(Buffer.from('password'), Buffer.from('salu'), 4, 32)).not.toEqual(base);
    expect(bcryptPbkdf(Buffer.from('passwore'), Buffer.from('salt'), 4, 32)).not.toEqual(base);
    expect(bcryptPbkdf(Buffer.from('password'), Buffer.from('salt'), 5, 32)).not.toEqual(base);
    expect(bcryptPbkdf(Buffer.from('password'), Buffer.from('salt'), 4, 64).subarray(0, 32)).not.toEqual(base);
  });
});
