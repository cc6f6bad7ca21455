// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { serve } from '../../lib/http/test-server.ts';
import { type Fault, fakeGoogle, fakeVault, GOOGLE_KEY } from '../../lib/kms/test-services.ts';
import type { Bench } from './bench.ts';
import type { Provoked } from './failures.ts';

/** A self-signed certificate for 127.0.0.1, made for these tests and trusted nowhere else: that of an API server. */
const API_SERVER = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBkTCCATigAwIBAgIUBtZ2AxDNqUfSVz3y2z7Ax26hM3QwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjkyMzA1NDlaGA8yMTI2MTEw
NTIzMDU0OVowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABKUQJ8jqpqkwhWCCjhK34YPmXxSwByhJXU9qVm5QimMHwfxHKScx
pXGSL3SiENix+n0HitxMg94lPpw4csXNl3ijZDBiMB0GA1UdDgQWBBSI4PgAItI7
WKWRECJq7RTqgXZmaDAfBgNVHSMEGDAWgBSI4PgAItI7WKWRECJq7RTqgXZmaDAP
BgNVHREECDAGhwR/AAABMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAw
RAIgZvb0DjZGDmP0oBvo7qOKt283DWjKWCe1HBL6Xc3pmDcCIH5H/bK3aE4PtJYx
gs4T0LE7Y3RG4VgtQHUs30d3o7OK
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgI4cKJNBCx2fwuCWC
dNYJlYDDvM9OVYGUo4dpEV08cOuhRANCAASlECfI6qapMIVggo4St+GD5l8UsAco
SV1PalZuUIpjB8H8RyknMaVxki90ohDYsfp9B4rcTIPeJT6cOHLFzZd4
-----END PRIVATE KEY-----
`,
};

const VAULT = 'hashivault://release';
const GOOGLE = `gcpkms://${GOOGLE_KEY}/cryptoKeyVersions/7`;

async function vault(fault: Fault, names: string): Promise<Provoked> {
  const { settings } = await fakeVault('p256', fault);
  return { params: { 'key-ref': VAULT }, env: settings, names };
}

async function cluster(bench: Bench, status: number, reason: string): Promise<Provoked> {
  const answer = JSON.stringify({ kind: 'Status', reason, message: 'secrets "release" is not for you' });
  const { port } = await serve((_request, response) => response.writeHead(status).end(answer), { tls: API_SERVER });
  const account = await bench.folder('signing-key');
  const files = { token: 'the-token-of-an-account', 'ca.crt': API_SERVER.cert, namespace: 'build' };
  for (const [name, content] of Object.entries(files)) await writeFile(join(account, name), content);
  return {
    params: { 'key-ref': 'k8s://build/release' },
    workspaces: { 'signing-key': account },
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
    names: 'build/release',
  };
}

/** A PATH that begins with a folder that holds the program. */
async function pathWith(bench: Bench, name: string, source: string): Promise<string> {
  const folder = await bench.folder('bin');
  await writeFile(join(folder, name), source);
  await chmod(join(folder, name), 0o755);
  return `${folder}:${process.env['PATH'] ?? ''}`;
}

/** A PATH with the program sigstore-kms-drawer, which keeps one P-256 key; and its public key. */
export async function pathWithKeeper(bench: Bench): Promise<{ path: string; publicKey: KeyObject }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (key: KeyObject, type: 'pkcs8' | 'spki'): string => JSON.stringify(key.export({ format: 'pem', type }));
  const source = `#!${process.execPath}
const { readFileSync } = require('node:fs');
const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const answers = {
  publicKey: () => ({ publicKey: { publicKeyPEM: base64(${pem(publicKey, 'spki')}) } }),
  signMessage: () => ({ signMessage: { signature: base64(require('node:crypto').sign('sha256', readFileSync(0), ${pem(privateKey, 'pkcs8')})) } }),
};
process.stdout.write(JSON.stringify(answers[JSON.parse(process.argv[3]).methodName]()));
`;
  return { path: await pathWith(bench, 'sigstore-kms-drawer', source), publicKey };
}

/** The failures of keys by reference. */
export const KMS_PROVOCATIONS = {
  KEY_REFERENCE_INVALID: (): Provoked => ({ params: { 'key-ref': 'k8s://release' }, names: 'k8s://release' }),
  KMS_SETTING_MISSING: (): Provoked => ({ params: { 'key-ref': VAULT }, names: 'VAULT_ADDR' }),
  KMS_SETTING_INVALID: (): Provoked => ({ params: { 'key-ref': VAULT }, env: { VAULT_ADDR: 'vault.example.com' }, names: 'VAULT_ADDR' }),
  KMS_PLUGIN_MISSING: (): Provoked => ({ params: { 'key-ref': 'awskms:///alias/release' }, names: 'sigstore-kms-awskms' }),
  KMS_PLUGIN_FAILED: async (bench: Bench): Promise<Provoked> => ({
    params: { 'key-ref': 'asleep://slot' },
    env: { PATH: await pathWith(bench, 'sigstore-kms-asleep', '#!/bin/sh\necho \'{"errorMessage":"the HSM is asleep"}\'\n') },
    names: 'sigstore-kms-asleep failed: the HSM is asleep',
  }),
  KMS_REFUSED: (): Promise<Provoked> => vault(() => 403, VAULT),
  KMS_ANSWER_INVALID: (): Promise<Provoked> => vault(() => ({}), VAULT),
  KMS_CORRUPTED: async (): Promise<Provoked> => {
    const { settings } = await fakeGoogle('p256', (answer) => ({ ...answer, pemCrc32c: '1' }));
    return { params: { 'key-ref': GOOGLE }, env: settings, names: GOOGLE };
  },
  METADATA_REFUSED: async (): Promise<Provoked> => {
    const { url } = await serve((_request, response) => response.writeHead(403, { 'metadata-flavor': 'Google' }).end('no such account'));
    return { params: { 'key-ref': GOOGLE }, env: { GCE_METADATA_HOST: new URL(url).host }, names: 'no such account' };
  },
  KUBE_NOT_IN_CLUSTER: (): Provoked => ({ params: { 'key-ref': 'k8s://build/release' }, names: 'KUBERNETES_SERVICE_HOST' }),
  KUBE_FORBIDDEN: (bench: Bench): Promise<Provoked> => cluster(bench, 403, 'Forbidden'),
  KUBE_NOT_FOUND: (bench: Bench): Promise<Provoked> => cluster(bench, 404, 'NotFound'),
};
