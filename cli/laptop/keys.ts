// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { generateCosignKey } from '../../lib/sigstore/cosign-key.ts';

/** Makes the laptop's signing key once: cosign.key, its random password in cosign.password, and cosign.pub, in the folder that stands for the Secret. True when it was made now. */
export async function ensureSigningKey(folder: string): Promise<boolean> {
  if (existsSync(join(folder, 'cosign.key'))) return false;
  const password = randomBytes(24).toString('base64url');
  const { privatePem, publicPem } = await generateCosignKey(password);
  await writeAtomic(join(folder, 'cosign.password'), password, { mode: 0o600 });
  await writeAtomic(join(folder, 'cosign.pub'), publicPem);
  // Last, so that a key never stands there without its password.
  await writeAtomic(join(folder, 'cosign.key'), privatePem, { mode: 0o600 });
  return true;
}
