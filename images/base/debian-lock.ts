// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../../lib/errors/errors.ts';
import { ARCHITECTURES, type Architecture } from '../builder/base.ts';

/** What the base takes from Debian: the C and C++ run-time libraries that Node is linked to, the certificates, and who the distribution is. */
export const DEBIAN_PACKAGES = ['base-files', 'ca-certificates', 'gcc-12-base', 'libc6', 'libgcc-s1', 'libstdc++6'] as const;

const name = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'must be a Debian package name');
const LockedPackage = z.strictObject({
  name,
  version: z.string().regex(/^[0-9A-Za-z.+~:-]+$/, 'must be a Debian version'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
});
const DebianLock = z.strictObject({ amd64: z.array(LockedPackage).min(1), arm64: z.array(LockedPackage).min(1) });

/** One .deb file by exact version and SHA-256. */
export type LockedPackage = z.infer<typeof LockedPackage>;
export type DebianLock = Record<Architecture, LockedPackage[]>;

/** Reads debian.lock.json. Throws input BASE_LOCK_INVALID, also when a package of the base is missing or stands there twice. */
export function parseDebianLock(json: string): DebianLock {
  const hint = 'write it anew: npm run images -- base --refresh';
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw inputError('BASE_LOCK_INVALID', 'debian.lock.json is no JSON', { hint, cause });
  }
  const parsed = DebianLock.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw inputError('BASE_LOCK_INVALID', `debian.lock.json is not usable: ${problems.join('; ')}`, { hint });
  }
  for (const architecture of ARCHITECTURES) {
    const names = parsed.data[architecture].map((one) => one.name).sort();
    if (names.join(' ') !== DEBIAN_PACKAGES.join(' ')) {
      throw inputError('BASE_LOCK_INVALID', `debian.lock.json names ${names.join(', ')} for ${architecture} instead of ${DEBIAN_PACKAGES.join(', ')}`, {
        hint,
      });
    }
  }
  return parsed.data;
}

export function formatDebianLock(lock: DebianLock): string {
  const lines = ARCHITECTURES.map((architecture) => {
    const packages = lock[architecture].map(
      (one) => `    ${JSON.stringify(one).replaceAll('":"', '": "').replaceAll('","', '", "').replace('{', '{ ').replace('}', ' }')}`,
    );
    return `  "${architecture}": [\n${packages.join(',\n')}\n  ]`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}
