// SPDX-License-Identifier: Apache-2.0
// Records what the real cosign signs with the real servers, for the cases of test/conformance: `node test/conformance/record/main.ts` with the bed up.
import { createHash, sign, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { BUNDLE_MEDIA_TYPE } from '../../../lib/sigstore/bundle.ts';
import { newSigningKey } from '../../../lib/sigstore/test-keys.ts';
import { runCommand, succeeded } from '../../cosign/run-command.ts';
import { ensurePeer } from '../../peers/peers.ts';
import { mintToken, SERVERS, TRUST } from '../../sigstore/bed.ts';

const OUT = join(import.meta.dirname, '../testdata/real-stack.json');
const ARTIFACT = 'What the cases of this suite sign.\n';
const OTHER_ARTIFACT = 'What they do not.\n';

const folder = await mkdtemp(join(tmpdir(), 'record-conformance-'));
try {
  const { cosign } = await ensurePeer('cosign', { log: console.error });
  const run = async (args: readonly string[]): Promise<void> => {
    succeeded(await runCommand(cosign, args, { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, COSIGN_PASSWORD: '' } }), args.join(' '));
  };
  await run(['generate-key-pair']);
  await Promise.all([
    writeFile(join(folder, 'artifact'), ARTIFACT),
    writeFile(join(folder, 'other'), OTHER_ARTIFACT),
    writeFile(join(folder, 'predicate'), JSON.stringify({ tested: true })),
  ]);
  const token = await mintToken({ namespace: 'build', serviceAccount: 'bot' });
  const [keyless, keyed] = [
    ['--identity-token', token],
    ['--key', join(folder, 'cosign.key')],
  ];
  const bundleOf = async (command: readonly string[], config: string, signer: readonly string[], file = 'artifact'): Promise<unknown> => {
    const bundle = join(folder, 'bundle.json');
    await run([...command, '--yes', '--trusted-root', TRUST.trustedRoot, '--signing-config', config, '--bundle', bundle, ...signer, join(folder, file)]);
    return JSON.parse(await readFile(bundle, 'utf8'));
  };
  const message = ['sign-blob'];
  const statement = ['attest-blob', '--type', 'https://example.com/tested', '--predicate', join(folder, 'predicate')];
  const recorded = {
    artifact: ARTIFACT,
    subject: 'https://kubernetes.io/namespaces/build/serviceaccounts/bot',
    issuer: SERVERS.issuer,
    publicKey: await readFile(join(folder, 'cosign.pub'), 'utf8'),
    trustedRoot: JSON.parse(await readFile(TRUST.trustedRoot, 'utf8')),
    bundles: {
      messageV2: await bundleOf(message, TRUST.signingConfig, keyless),
      messageV1: await bundleOf(message, TRUST.signingConfigV1, keyless),
      statementV2: await bundleOf(statement, TRUST.signingConfig, keyless),
      statementV1: await bundleOf(statement, TRUST.signingConfigV1, keyless),
      keyMessageV2: await bundleOf(message, TRUST.signingConfig, keyed),
      keyMessageV1: await bundleOf(message, TRUST.signingConfigV1, keyed),
      keyStatementV1: await bundleOf(statement, TRUST.signingConfigV1, keyed),
      keyMessage: await bundleOf(message, TRUST.signingConfigNone, keyed),
      // The same by the same, once more; and of another artifact.
      messageV2Again: await bundleOf(message, TRUST.signingConfig, keyless),
      messageV1Again: await bundleOf(message, TRUST.signingConfigV1, keyless),
      statementV1Again: await bundleOf(statement, TRUST.signingConfigV1, keyless),
      otherMessageV2: await bundleOf(message, TRUST.signingConfig, keyless, 'other'),
      otherMessageV1: await bundleOf(message, TRUST.signingConfigV1, keyless, 'other'),
    },
    ...(await stampedTwice(token)),
  };
  await writeFile(OUT, `${JSON.stringify(recorded, null, 1)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** A bundle, logged in Rekor v2, with a timestamp from before its certificate and one from after: the key signed first, and was certified seconds later. */
async function stampedTwice(token: string): Promise<{ stampedTwice: unknown }> {
  const { privateKey, key } = newSigningKey('record');
  const bytes = Buffer.from(ARTIFACT);
  const signature = sign('sha256', bytes, privateKey);
  const early = await stamp(signature);
  await delay(3_000);
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
  const answer = await post(`${SERVERS.fulcio}/api/v2/signingCert`, {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: key.export({ format: 'pem', type: 'spki' }) },
      proofOfPossession: sign('sha256', Buffer.from(claims.sub), privateKey).toString('base64'),
    },
  });
  const { signedCertificateEmbeddedSct } = (await answer.json()) as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } };
  const rawBytes = new X509Certificate(signedCertificateEmbeddedSct.chain.certificates[0] ?? '').raw.toString('base64');
  const digest = createHash('sha256').update(bytes).digest('base64');
  const logged = await post(`${SERVERS.rekorV2}/api/v2/log/entries`, {
    hashedRekordRequestV002: {
      digest,
      signature: { content: signature.toString('base64'), verifier: { x509Certificate: { rawBytes }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' } },
    },
  });
  return {
    stampedTwice: {
      mediaType: BUNDLE_MEDIA_TYPE,
      verificationMaterial: {
        certificate: { rawBytes },
        tlogEntries: [await logged.json()],
        timestampVerificationData: { rfc3161Timestamps: [early, await stamp(signature)] },
      },
      messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature: signature.toString('base64') },
    },
  };
}

async function stamp(signature: Buffer): Promise<{ signedTimestamp: string }> {
  const request = { artifactHash: createHash('sha256').update(signature).digest('base64'), hashAlgorithm: 'sha256', nonce: 1, certificates: true };
  return { signedTimestamp: Buffer.from(await (await post(SERVERS.tsa, request)).arrayBuffer()).toString('base64') };
}

async function post(url: string, body: unknown): Promise<Response> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response;
}
