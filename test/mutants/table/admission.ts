// SPDX-License-Identifier: Apache-2.0
import type { Mutant } from '../mutant.ts';

/** What is let in: services/admission-provider, lib/policy/accept-summary.ts, cli/admission. */
export const ADMISSION_MUTANTS: readonly Mutant[] = [
  {
    id: 'image-chooses-the-namespace',
    file: 'services/admission-provider/key.ts',
    find: "const bar = key.indexOf('|');",
    replace: "const bar = key.lastIndexOf('|');",
    gain: 'Who writes an image with a bar into a Pod picks the namespace whose logins are used.',
    tests: ['services/admission-provider/logins.test.ts'],
  },
  {
    id: 'keys-without-namespace',
    file: 'services/admission-provider/key.ts',
    find: "if (bar < 0 || (namespace !== '' && !isNamespace(namespace)))",
    replace: "if (namespace !== '' && !isNamespace(namespace))",
    gain: 'A template that forgets the namespace lets the image name one.',
    tests: ['services/admission-provider/logins.test.ts'],
  },
  {
    id: 'logins-for-everybody',
    file: 'services/admission-provider/logins.ts',
    find: 'if (own === undefined) return shared;',
    replace: 'if (own === undefined) return [...clients.values()][0] ?? shared;',
    gain: 'A namespace without logins reads with those of another one.',
    tests: ['services/admission-provider/logins.test.ts'],
  },
  {
    id: 'verdicts-of-others',
    file: 'services/admission-provider/judging.ts',
    find: '[name, from.scope, formatReference(image)]',
    replace: '[name, formatReference(image)]',
    gain: 'What one namespace found out with its login is told to all.',
    tests: ['services/admission-provider/logins.test.ts'],
  },
  {
    id: 'summary-for-evidence',
    file: 'services/admission-provider/judging.ts',
    find: '[name, from.scope, formatReference(image)]',
    replace: '[from.scope, formatReference(image)]',
    gain: 'Once a summary was accepted, the evidence is not judged either.',
    tests: ['services/admission-provider/summaries.test.ts'],
  },
  {
    id: 'summary-of-any-verifier',
    file: 'lib/policy/accept-summary.ts',
    find: 'if (verifier.id !== accept.verifier)',
    replace: 'if (!verifier.id.startsWith(accept.verifier))',
    gain: 'A verifier with a name that begins alike passes for the right one.',
    tests: ['lib/policy/accept-summary.test.ts'],
  },
  {
    id: 'summary-of-another-policy',
    file: 'lib/policy/accept-summary.ts',
    find: '(digest === undefined || digestHex(digest) === policy.digest?.sha256)',
    replace: '(digest === undefined || policy.digest === undefined || digestHex(digest) === policy.digest.sha256)',
    gain: 'A summary that names no policy digest passes for one by the right policy.',
    tests: ['lib/policy/accept-summary.test.ts'],
  },
  {
    id: 'summary-young-by-log',
    file: 'lib/policy/accept-summary.ts',
    find: 'if (now.getTime() - verifiedAt > accept.maxAgeHours * HOUR_MS)',
    replace: 'if (now.getTime() - (signedAt ?? verifiedAt) > accept.maxAgeHours * HOUR_MS)',
    gain: 'An old summary that is logged anew is young again.',
    tests: ['lib/policy/accept-summary.test.ts'],
  },
  {
    id: 'readable-keys',
    file: 'cli/admission/write-certificates.ts',
    find: '{ mode: isSecret ? 0o600 : 0o644 }',
    replace: '{ mode: 0o644 }',
    gain: 'Everybody on the machine reads the key of the CA.',
    tests: ['cli/admission/certificates.test.ts'],
  },
];
