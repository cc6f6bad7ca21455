// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { composeLayout, type Layout } from '../../../lib/artifact/write-layout.ts';
import { attest } from '../../../lib/attest/attest.ts';
import { openServices } from '../../../lib/attest/open-services.ts';
import type { KeylessSigner } from '../../../lib/attest/signer.ts';
import { createHttp, type Http } from '../../../lib/http/http.ts';
import { PREDICATE_TYPE } from '../../../lib/intoto/predicate-type.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { parseDigestReference } from '../../../lib/reference/reference.ts';
import { createRegistry } from '../../../lib/registry/client.ts';
import { anonymousCredentials } from '../../../lib/registry/credentials.ts';
import { certifyNewKey } from '../../../lib/sigstore/fulcio.ts';
import { parseIdentityToken } from '../../../lib/sigstore/identity-token.ts';
import { parseTrustedRoot } from '../../../lib/sigstore/trusted-root.ts';
import { imageParts, pushLayout, tinyImage } from '../../step/bench.ts';
import { mintToken, REGISTRY } from '../bed.ts';
import { ACCOUNT } from './commands.ts';

/** Makes artifacts that nobody has seen before; each gives its digest reference at the stack's own registry. */
export type Artifacts = {
  image(): Promise<string>;
  index(platforms: number): Promise<string>;
  /** An image with a keyless signature and an SBOM attestation, both logged. */
  secured(): Promise<string>;
  close(): void;
};

const ARCHITECTURES = ['amd64', 'arm64', 'arm', '386', 'ppc64le', 's390x', 'riscv64', 'loong64'];

export function openArtifacts(folder: string, texts: { signingConfig: string; trustedRoot: string }): Artifacts {
  const http = createHttp({ log: silentLogger });
  const registry = createRegistry({ http, credentials: anonymousCredentials, insecureRegistries: [REGISTRY], log: silentLogger });
  const push = async (layout: Layout): Promise<string> =>
    pushLayout({ client: registry, host: REGISTRY }, `bench-sign/${randomUUID()}`, layout, await mkdtemp(join(folder, 'layout-')));
  const image = (): Promise<string> => push(tinyImage(randomUUID()));
  return {
    image,
    index: (platforms) => push(composeLayout(ARCHITECTURES.slice(0, platforms).map((architecture) => imageParts(randomUUID(), { os: 'linux', architecture })))),
    async secured() {
      const now = (): Date => new Date();
      const trust = parseTrustedRoot(texts.trustedRoot);
      const { fulcio = '', ...services } = openServices({ http, mode: 'now', url: undefined, config: texts.signingConfig, trust, now: now() });
      const context = { registry, trust, log: silentLogger, now, ...services };
      const reference = await image();
      const subject = parseDigestReference(reference);
      const signer = await signerAt(http, fulcio);
      await attest(context, subject, signer, { predicateType: PREDICATE_TYPE.signature, predicate: {}, log: 'now' });
      await attest(context, subject, signer, { predicateType: PREDICATE_TYPE.cyclonedx, predicate: sbom(), log: 'now' });
      return reference;
    },
    close: () => http.close(),
  };
}

async function signerAt(http: Http, fulcio: string): Promise<KeylessSigner> {
  const token = parseIdentityToken(await mintToken(ACCOUNT), 'token', new Date());
  return { token, certify: () => certifyNewKey({ http, url: fulcio, token, now: new Date() }) };
}

/** Of the size that a small service has: 150 packages. */
function sbom(): object {
  const components = Array.from({ length: 150 }, (_, number) => ({
    type: 'library',
    name: `package-${number}`,
    version: `1.${number}.0`,
    purl: `pkg:npm/package-${number}@1.${number}.0`,
    licenses: [{ license: { id: 'Apache-2.0' } }],
  }));
  return { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components };
}
