// SPDX-License-Identifier: Apache-2.0
// Records what the real servers of the bed and the real cosign make, for the unit tests of the verifier: `node test/sigstore/record/main.ts` with the bed up.
import { createHash, sign, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { IN_TOTO_PAYLOAD_TYPE, preAuthenticationEncoding } from '../../../lib/intoto/dsse.ts';
import { PREDICATE_TYPE } from '../../../lib/intoto/predicate-type.ts';
import { encodeStatement } from '../../../lib/intoto/statement.ts';
import { BUNDLE_MEDIA_TYPE } from '../../../lib/sigstore/bundle.ts';
import { newSigningKey } from '../../../lib/sigstore/test-keys.ts';
import { runCommand, succeeded } from '../../cosign/run-command.ts';
import { ensurePeer } from '../../peers/peers.ts';
import { mintToken, SERVERS, TRUST } from '../bed.ts';
import { pushNewImage } from '../images.ts';

const OUT = join(import.meta.dirname, '../../../lib/sigstore/testdata/real-stack.json');
const START = '2026-01-01T00:00:00Z';

const folder = await mkdtemp(join(tmpdir(), 'record-'));
try {
  const { cosign } = await ensurePeer('cosign', { log: console.error });
  const run = async (args: readonly string[]): Promise<void> => {
    succeeded(await runCommand(cosign, args, { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, COSIGN_PASSWORD: '' } }), args.join(' '));
  };
  await run(['generate-key-pair']);
  const service = (url: string, version: number): string => `url=${url},api-version=${version},start-time=${START},operator=bed`;
  const noTsa = join(folder, 'no-tsa.json');
  await run([
    'signing-config',
    'create',
    '--fulcio',
    service(SERVERS.fulcio, 1),
    '--rekor',
    service(SERVERS.rekorV1, 1),
    '--rekor-config',
    'ANY',
    '--out',
    noTsa,
  ]);
  const image = await pushNewImage('record');
  const token = await mintToken({ namespace: 'build', serviceAccount: 'bot' });
  const bundleOf = async (config: string, signer: readonly string[]): Promise<unknown> => {
    const file = join(folder, 'bundle.json');
    await run(['sign', '--yes', '--trusted-root', TRUST.trustedRoot, '--signing-config', config, '--bundle', file, ...signer, image]);
    return JSON.parse(await readFile(file, 'utf8'));
  };
  const keyless = ['--identity-token', token];
  const keyed = ['--key', join(folder, 'cosign.key')];
  const bundles = {
    keylessV2: await bundleOf(TRUST.signingConfig, keyless),
    keylessV1: await bundleOf(TRUST.signingConfigV1, keyless),
    keylessV1WithoutTsa: await bundleOf(noTsa, keyless),
    keyV2: await bundleOf(TRUST.signingConfig, keyed),
    keyV1: await bundleOf(TRUST.signingConfigV1, keyed),
  };
  const trustedRoot = JSON.parse(await readFile(TRUST.trustedRoot, 'utf8'));
  const publicKey = await readFile(join(folder, 'cosign.pub'), 'utf8');
  const recorded = {
    recordedAt: new Date().toISOString(),
    digest: image.split('@')[1],
    issuer: SERVERS.issuer,
    publicKey,
    trustedRoot,
    bundles,
    otherKinds: await otherKinds(),
    tooEarly: await tooEarly(token, image),
  };
  await writeFile(OUT, `${JSON.stringify(recorded, null, 1)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Entries of the kinds that cosign does not write for bundles, by a key that is thrown away. */
async function otherKinds(): Promise<unknown> {
  const { privateKey, key } = newSigningKey('record');
  const payloadType = IN_TOTO_PAYLOAD_TYPE;
  const payload = encodeStatement([{ sha256: 'a'.repeat(64) }], 'https://example.com/x', {});
  const signed = preAuthenticationEncoding(payloadType, payload);
  const sig = sign('sha256', signed, privateKey).toString('base64');
  const pem = key.export({ format: 'pem', type: 'spki' }).toString();
  const twice = (text: string): string => Buffer.from(text).toString('base64');
  const hash = (bytes: Buffer | string): { algorithm: string; value: string } => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  const envelope = { payloadType, payload: twice(payload.toString('base64')), signatures: [{ publicKey: twice(pem), sig: twice(sig) }] };
  const intoto = { kind: 'intoto', apiVersion: '0.0.2', spec: { content: { envelope, payloadHash: hash(payload), hash: hash(JSON.stringify(envelope)) } } };
  const hashedrekord = {
    kind: 'hashedrekord',
    apiVersion: '0.0.1',
    spec: { data: { hash: hash(signed) }, signature: { content: sig, publicKey: { content: twice(pem) } } },
  };
  const entries = { intoto: await logged(intoto), hashedrekord: await logged(hashedrekord) };
  return { publicKey: pem, dsseEnvelope: { payload: payload.toString('base64'), payloadType, signatures: [{ sig }] }, entries };
}

/** A bundle without log entry whose timestamp is older than its certificate: the key signed first, and was certified seconds later. */
async function tooEarly(token: string, image: string): Promise<unknown> {
  const { privateKey, key } = newSigningKey('record');
  const payload = encodeStatement([{ sha256: image.split('@sha256:')[1] ?? '' }], PREDICATE_TYPE.signature, {});
  const signature = sign('sha256', preAuthenticationEncoding(IN_TOTO_PAYLOAD_TYPE, payload), privateKey);
  const stamp = { artifactHash: createHash('sha256').update(signature).digest('base64'), hashAlgorithm: 'sha256', nonce: 1, certificates: false };
  const signedTimestamp = Buffer.from(await (await post(SERVERS.tsa, stamp)).arrayBuffer()).toString('base64');
  await delay(3_000);
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
  const publicKey = { algorithm: 'ECDSA', content: key.export({ format: 'pem', type: 'spki' }) };
  const proofOfPossession = sign('sha256', Buffer.from(claims.sub), privateKey).toString('base64');
  const answer = await post(`${SERVERS.fulcio}/api/v2/signingCert`, {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: { publicKey, proofOfPossession },
  });
  const { signedCertificateEmbeddedSct } = (await answer.json()) as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } };
  const rawBytes = new X509Certificate(signedCertificateEmbeddedSct.chain.certificates[0] ?? '').raw.toString('base64');
  return {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { certificate: { rawBytes }, tlogEntries: [], timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp }] } },
    dsseEnvelope: { payload: payload.toString('base64'), payloadType: IN_TOTO_PAYLOAD_TYPE, signatures: [{ sig: signature.toString('base64') }] },
  };
}

async function post(url: string, body: unknown): Promise<Response> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response;
}

/** Adds an entry to Rekor v1 and gives it in the form that it has in a bundle. */
async function logged(proposed: { kind: string; apiVersion: string }): Promise<unknown> {
  const response = await post(`${SERVERS.rekorV1}/api/v1/log/entries`, proposed);
  // biome-ignore lint/suspicious/noExplicitAny: what the log answers is looked at by the tests
  const [entry] = Object.values((await response.json()) as Record<string, any>);
  const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
  const { inclusionProof: proof, signedEntryTimestamp } = entry.verification;
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: base64(entry.logID) },
    kindVersion: { kind: proposed.kind, version: proposed.apiVersion },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: base64(proof.rootHash),
      treeSize: String(proof.treeSize),
      hashes: proof.hashes.map(base64),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
}
