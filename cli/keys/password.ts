// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { registerSecret } from '../../lib/log/redact.ts';

const MAX_PASSWORD_FILE = 4096;

/** The password that was given by file or by COSIGN_PASSWORD, which may be empty; undefined when none was. */
export async function givenPassword(file: string | undefined): Promise<string | undefined> {
  const password =
    file === undefined ? process.env['COSIGN_PASSWORD'] : (await readBounded(file, MAX_PASSWORD_FILE, 'password file')).toString('utf8').replace(/\r?\n$/, '');
  if (password !== undefined) registerSecret(password);
  return password;
}

/** The password from the terminal, not shown; for a new key asked twice. Throws input KEY_PASSWORD_MISSING where there is no terminal, KEY_PASSWORD_WRONG when the two differ. */
export async function askPassword(what: string, { twice }: { twice: boolean }): Promise<string> {
  if (!process.stdin.isTTY) {
    throw inputError('KEY_PASSWORD_MISSING', `there is no terminal to ask for the password of ${what}`, {
      hint: 'give it with --password-file or in COSIGN_PASSWORD (empty for none)',
    });
  }
  const password = await ask(`Password of ${what}: `);
  if (twice && (await ask('The same again: ')) !== password) throw inputError('KEY_PASSWORD_WRONG', 'the two passwords differ');
  registerSecret(password);
  return password;
}

async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
