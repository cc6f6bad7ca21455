// SPDX-License-Identifier: Apache-2.0
import type { Mutant } from '../mutant.ts';

/** Keys that are kept elsewhere: what a service answers is not believed. */
export const KEY_MUTANTS: readonly Mutant[] = [
  {
    id: 'kms-signature-unverified',
    file: 'lib/kms/key-reference.ts',
    find: 'if (verify(hashAlgorithm(key, reference), message, key, signature)) return signature;',
    replace: 'if (signature.length > 0 || verify(hashAlgorithm(key, reference), message, key, signature)) return signature;',
    gain: 'A service that signed something else gets it published under the name of the key.',
    tests: ['lib/kms/vault-transit.test.ts'],
  },
  {
    id: 'kms-version-unchecked',
    file: 'lib/kms/vault-transit.ts',
    find: 'if (Number(signedBy) !== version)',
    replace: 'if (Number(signedBy) > version)',
    gain: 'An older version of the key, which may be the leaked one, signs.',
    tests: ['lib/kms/vault-transit.test.ts'],
  },
  {
    id: 'kms-checksum-unasked',
    file: 'lib/kms/google-kms.ts',
    find: 'answer.verifiedDigestCrc32c) !== true)',
    replace: 'answer.verifiedDigestCrc32c) === false)',
    gain: 'A digest that was changed on the way is signed, where the service looked at no checksum.',
    tests: ['lib/kms/google-kms.test.ts'],
  },
  {
    id: 'keys-overwritten',
    file: 'cli/keys/key-commands.ts',
    find: 'if (existsSync(file) && !options.force) {',
    replace: 'if (existsSync(privateFile) && existsSync(publicFile) && !options.force) {',
    gain: 'A private key whose public half lies elsewhere is replaced, and nothing that it has to sign can be signed any more.',
    tests: ['cli/keys/keys.test.ts'],
  },
];
