// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';

/** Files of the trust material below `<root>/sigstore`. */
export type TrustFiles = ReturnType<typeof trustFiles>;

/** `root` is that of the bed. */
export function trustFiles(root: string) {
  const at = (name: string): string => join(root, 'sigstore', name);
  return {
    /** For clients of the stack: all keys and CAs, and where to sign: with Rekor v2, with Rekor v1, with no service at all. */
    trustedRoot: at('trusted_root.json'),
    signingConfig: at('signing-config.json'),
    signingConfigV1: at('signing-config-v1.json'),
    signingConfigNone: at('signing-config-none.json'),
    fulcio: { certFile: at('fulcio.crt'), keyFile: at('fulcio.key') },
    tsa: { keyFile: at('tsa.key'), chain: at('tsa-chain.pem') },
    ctLog: { key: at('ct.key'), publicKey: at('ct.pub') },
    rekorV1: { key: at('rekor-v1.key'), publicKey: at('rekor-v1.pub') },
    rekorV2: { key: at('rekor-v2.key'), publicKey: at('rekor-v2.pub') },
    issuer: { key: at('issuer.key'), publicKey: at('issuer.pub') },
  };
}
