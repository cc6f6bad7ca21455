// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { parseTrustedRoot, type Trust } from '../../lib/sigstore/trusted-root.ts';

/** Where trust comes from: a file, or the public instance of Sigstore. */
export type TrustSource = { staging: boolean; 'trusted-root': string | undefined };

/** The trusted root of the public good instance; where it is from: cli/conformance/README.md. */
const PUBLIC_GOOD_ROOT = join(import.meta.dirname, 'public-good-root.json');
const MAX_ROOT_BYTES = 4 * 1024 * 1024;

/** The trusted root of the file, or the copy of the public good instance's. Throws input TRUSTED_ROOT_MISSING for staging without a file, and TRUSTED_ROOT_INVALID. */
export async function readTrustedRoot({ staging, 'trusted-root': file }: TrustSource): Promise<Trust> {
  if (file === undefined && staging) {
    throw inputError('TRUSTED_ROOT_MISSING', 'the trusted root of the staging instance is not here', {
      hint: 'fetch it with "supply-chain trust fetch" and give it with --trusted-root',
    });
  }
  return parseTrustedRoot((await readBounded(file ?? PUBLIC_GOOD_ROOT, MAX_ROOT_BYTES, 'trusted root')).toString('utf8'));
}
