// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { inputError } from '../errors/errors.ts';
import { readBoundedIfPresent } from '../files/bounded-read.ts';
import { registerSecret } from '../log/redact.ts';
import type { CommitSigner } from './repository.ts';
import { parseSshKey } from './ssh-key.ts';
import { sshFingerprint, sshSignature } from './ssh-signature.ts';

const MAX_FILE = 64 * 1024;

/** Signs commits; `name` is what the log calls the key. */
export type CommitKey = { name: string; sign: CommitSigner };

/**
 * The SSH key in a mounted Secret. `keyFile` and `passwordFile` are paths below `folder`; a missing password file stands for none, one line break at its end is ignored.
 * Throws input KEY_MISSING, KEY_INVALID, KEY_UNSUPPORTED or KEY_PASSWORD_WRONG.
 */
export async function openCommitKey(folder: string, keyFile: string, passwordFile: string): Promise<CommitKey> {
  const text = (await readBoundedIfPresent(join(folder, keyFile), MAX_FILE, 'key file'))?.toString('utf8');
  if (text === undefined) throw inputError('KEY_MISSING', `there is no file ${keyFile} in the workspace signing-key`);
  const password = (await readBoundedIfPresent(join(folder, passwordFile), MAX_FILE, 'password file'))?.toString('utf8').replace(/\r?\n$/, '') ?? '';
  registerSecret(password);
  const key = parseSshKey(text, password, `key file ${keyFile}`);
  return { name: `${key.type} ${sshFingerprint(key)}`, sign: (payload) => sshSignature(key, payload, 'git') };
}
