// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { inputError } from '../errors/errors.ts';
import { readBoundedIfPresent } from '../files/bounded-read.ts';
import { registerSecret } from '../log/redact.ts';
import { isPgpArmor } from './gpg-armor.ts';
import { parseGpgKey } from './gpg-key.ts';
import { gpgFingerprint, gpgSignature } from './gpg-signature.ts';
import { keyInvalid, MAX_KEY_FILE } from './key-file.ts';
import type { CommitSigner } from './repository.ts';
import { parseSshKey } from './ssh-key.ts';
import { sshFingerprint, sshSignature } from './ssh-signature.ts';

/** Signs commits; `name` is what the log calls the key. */
export type CommitKey = { name: string; sign: CommitSigner };

/** Names below the mounted folder: the key is in one of `keys`, and its content tells whether it is one of SSH or of GnuPG. */
export type KeyFiles = { keys: readonly string[]; password: string };

/**
 * The SSH or GPG key in a mounted Secret. A missing password file stands for none, one line break at its end is ignored. `now` dates the signatures and tells what has expired.
 * Throws input KEY_MISSING, KEY_INVALID, KEY_UNSUPPORTED, KEY_UNUSABLE or KEY_PASSWORD_WRONG.
 */
export async function openCommitKey(folder: string, { keys, password: passwordFile }: KeyFiles, now: () => Date): Promise<CommitKey> {
  const read = async (name: string, kind: string): Promise<string | undefined> =>
    (await readBoundedIfPresent(join(folder, name), MAX_KEY_FILE, kind))?.toString('utf8');
  const found = (await Promise.all(keys.map(async (name) => ({ name, text: await read(name, 'key file') })))).filter(({ text }) => text !== undefined);
  const [{ name, text } = { name: '', text: undefined }] = found;
  if (text === undefined) throw inputError('KEY_MISSING', `there is no file ${keys.join(' or ')} in the workspace signing-key`);
  const what = `key file ${name}`;
  if (found.length > 1) throw keyInvalid(what, `${found.map((one) => one.name).join(' and ')} are both there, leave one of them`);
  const password = (await read(passwordFile, 'password file'))?.replace(/\r?\n$/, '') ?? '';
  registerSecret(password);
  const seconds = (): number => Math.floor(now().getTime() / 1000);
  if (isPgpArmor(text)) {
    const key = parseGpgKey(text, password, { what, now: seconds() });
    return { name: `gpg-${key.algorithm.label} ${gpgFingerprint(key)}`, sign: (payload) => gpgSignature(key, payload, seconds()) };
  }
  const key = parseSshKey(text, password, what);
  return { name: `${key.type} ${sshFingerprint(key)}`, sign: (payload) => sshSignature(key, payload, 'git') };
}
