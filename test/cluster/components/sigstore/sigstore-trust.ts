// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { ensurePeer } from '../../../peers/peers.ts';
import { must } from '../../bed/commands.ts';
import type { Bed, Component } from '../../bed/component.ts';
import { CA_EXTENSIONS, certificateMaker, LEAF_EXTENSIONS } from '../../pki.ts';
import { sigstoreEndpoints } from './endpoints.ts';
import { type TrustFiles, trustFiles } from './trust-files.ts';

const VALID_DAYS = 365;

/** Keys and CAs of the stack, and what its clients believe and sign with, written by cosign's own commands. Made once; the trusted root is written last and so says that all the rest is there. */
export const sigstoreTrust: Component = {
  name: 'sigstore-trust',
  groups: ['sigstore'],
  needs: [],
  peers: ['cosign'],
  programs: { openssl: 'openssl' },
  daemons: [],
  async up(bed) {
    const dir = await bed.dir('sigstore');
    const files = trustFiles(bed.root);
    if (existsSync(files.trustedRoot)) return;
    await writeKeys(files);
    await writeCertificates(dir, files);
    await writeClientFiles(bed, files);
  },
  isReady: async ({ root }) => existsSync(trustFiles(root).trustedRoot),
};

async function writeKeys(files: TrustFiles): Promise<void> {
  const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // TesseraCT reads nothing but SEC1.
  await writeKeyPair(files.ctLog, p256(), 'sec1');
  await writeKeyPair(files.rekorV1, p256(), 'pkcs8');
  await writeKeyPair(files.rekorV2, generateKeyPairSync('ed25519'), 'pkcs8');
  await writeKeyPair(files.issuer, generateKeyPairSync('rsa', { modulusLength: 2048 }), 'pkcs8');
}

async function writeKeyPair(
  files: { key: string; publicKey: string },
  { privateKey, publicKey }: KeyPairKeyObjectResult,
  type: 'sec1' | 'pkcs8',
): Promise<void> {
  await writeFile(files.key, privateKey.export({ type, format: 'pem' }), { mode: 0o600 });
  await writeFile(files.publicKey, publicKey.export({ type: 'spki', format: 'pem' }));
}

/** The extensions that Fulcio (pkg/ca, VerifyCertChain) and the timestamp authority (pkg/x509, VerifyCertChain) demand of their certificates. */
async function writeCertificates(dir: string, { tsa }: TrustFiles): Promise<void> {
  const make = await certificateMaker(dir, VALID_DAYS);
  await make('fulcio', '/O=cluster bed/CN=fulcio', CA_EXTENSIONS);
  const root = await make('tsa-root', '/O=cluster bed/CN=timestamp root', CA_EXTENSIONS);
  const leaf = await make('tsa', '/O=cluster bed/CN=timestamp authority', [...LEAF_EXTENSIONS, 'extendedKeyUsage=critical,timeStamping'], root);
  const chain = await Promise.all([leaf, root].map(({ certFile }) => readFile(certFile, 'utf8')));
  await writeFile(tsa.chain, chain.join(''));
}

async function writeClientFiles(bed: Bed, files: TrustFiles): Promise<void> {
  const { fulcio, tsa, rekorV1, rekorV2, ctLog } = sigstoreEndpoints(bed.node);
  const { cosign } = await ensurePeer('cosign', bed);
  const start = `start-time=${yesterday()}`;
  const operator = 'operator=cluster-bed';
  const authority = ['--fulcio', `url=${fulcio},api-version=1,${start},${operator}`];
  const timestamp = ['--tsa', `url=${tsa},api-version=1,${start},${operator}`, '--tsa-config', 'ANY'];
  const log = (url: string, version: number) => ['--rekor', `url=${url},api-version=${version},${start},${operator}`, '--rekor-config', 'ANY'];
  const configs = { [files.signingConfig]: log(rekorV2, 2), [files.signingConfigV1]: log(rekorV1, 1) };
  for (const [file, rekor] of Object.entries(configs)) await must(cosign, ['signing-config', 'create', ...authority, ...rekor, ...timestamp, '--out', file]);
  await must(cosign, ['signing-config', 'create', '--out', files.signingConfigNone]);

  const unfinished = `${files.trustedRoot}.new`;
  await rm(unfinished, { force: true });
  await must(cosign, [
    ...['trusted-root', 'create', '--out', unfinished],
    ...['--fulcio', `url=${fulcio},certificate-chain=${files.fulcio.certFile},${start}`],
    ...['--ctfe', `url=${ctLog},public-key=${files.ctLog.publicKey},${start}`],
    ...['--rekor', `url=${rekorV1},public-key=${files.rekorV1.publicKey},${start}`],
    // The name on its checkpoints, which goes into the log's id.
    ...['--rekor', `url=${rekorV2},public-key=${files.rekorV2.publicKey},${start},origin=${bed.node}`],
    ...['--tsa', `url=${tsa},certificate-chain=${files.tsa.chain},${start}`],
  ]);
  await rename(unfinished, files.trustedRoot);
}

/** RFC 3339 without fractions, as cosign reads it; before the certificates, so that nothing made with them lies outside. */
function yesterday(): string {
  return new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}
