// SPDX-License-Identifier: Apache-2.0
import type { Mutant } from '../mutant.ts';

/** Keyless signing and what comes back from its services: lib/attest, lib/sigstore, tasks/cosign-sign, tasks/rekor-upload. */
export const SIGNING_MUTANTS: readonly Mutant[] = [
  {
    id: 'anybody-s-signature-is-kept',
    file: 'lib/attest/standing.ts',
    find: ' || !isCertificateOf(bundle.certificate, signer.token)',
    replace: '',
    gain: 'Whoever signs first with any certificate keeps the rightful signer from signing at all.',
    tests: ['lib/attest/keyless.test.ts'],
  },
  {
    id: 'certificate-of-another-key',
    file: 'lib/sigstore/fulcio.ts',
    find: 'if (!spkiDer(certificate.publicKey).equals(spkiDer(publicKey)))',
    replace: 'if (spkiDer(publicKey).length === 0)',
    gain: 'A certificate for a key of somebody else goes into the public log beside our signature.',
    tests: ['lib/sigstore/fulcio.test.ts'],
  },
  {
    id: 'token-is-shown',
    file: 'lib/sigstore/identity-token.ts',
    find: '  registerSecret(token);\n',
    replace: '',
    gain: 'A Fulcio that repeats what it was sent puts the token into the log of the step.',
    tests: ['lib/sigstore/identity-token.test.ts'],
  },
  {
    id: 'timestamp-of-another-request',
    file: 'lib/sigstore/tsa.ts',
    find: 'if (!answered?.value.equals(nonce))',
    replace: 'if (answered?.value.length === 0)',
    gain: 'Who stands between us and the authority answers with an older timestamp.',
    tests: ['lib/sigstore/tsa.test.ts'],
  },
  {
    id: 'v1-entry-of-another-key',
    file: 'lib/sigstore/rekor-v1.ts',
    find: 'logged.verifier === verifierOf(entry)',
    replace: 'logged.verifier !== undefined',
    gain: 'An entry that names the key of somebody else is published as ours.',
    tests: ['lib/sigstore/rekor-v1.test.ts'],
  },
  {
    id: 'logged-before-it-is-checked',
    file: 'lib/attest/attest.ts',
    find: 'if (dated !== signed) check(context, dated, signer, false);',
    replace: '',
    gain: 'A signature that nobody will believe stands in the public log for ever.',
    tests: ['lib/attest/keyless.test.ts'],
  },
  {
    id: 'later-without-a-time',
    file: 'lib/attest/attest.ts',
    find: "if (mode === 'now' && logsDate(context)) return;",
    replace: 'if (logsDate(context)) return;',
    gain: 'A keyless signature is left pending without a time, and no log can ever complete it.',
    tests: ['lib/attest/keyless.test.ts'],
  },
  {
    id: 'pending-certificate-of-anybody',
    file: 'tasks/rekor-upload/run.ts',
    find: 'checkNewBundle(piece.bundle, undefined, trust, { logged: false }, what);',
    replace: '',
    gain: 'Whoever may push referrers has rekor-upload log certificates of their own making.',
    tests: ['tasks/rekor-upload/pending.test.ts'],
  },
];
