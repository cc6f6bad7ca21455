// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inputError } from '../../lib/errors/errors.ts';

const run = promisify(execFile);

/** PEM files of one key pair with its certificate. */
export type Certificate = { certFile: string; keyFile: string };

export type ClusterPki = {
  ca: Certificate;
  server: Certificate;
  admin: Certificate;
  /** Key pair that signs service account tokens. */
  serviceAccount: { privateKeyFile: string; publicKeyFile: string };
};

/** Makes one certificate under a folder; self-signed without an issuer. Extensions as for openssl's `-addext`. */
export type MakeCertificate = (name: string, subject: string, extensions: readonly string[], issuer?: Certificate) => Promise<Certificate>;

const VALID_DAYS = 2;
export const CA_EXTENSIONS = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'] as const;
export const LEAF_EXTENSIONS = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature'] as const;
/** Without a config of its own, openssl would add the extensions of the machine's openssl.cnf to ours. */
const emptyConfig = '[req]\ndistinguished_name = subject\n[subject]\n';
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Certificates of one folder, which exists. They come from `openssl` 3 (Node makes none). Throws StepError `OPENSSL_MISSING`, `OPENSSL_FAILED`. */
export async function certificateMaker(dir: string, validDays: number): Promise<MakeCertificate> {
  const config = join(dir, 'openssl.cnf');
  await writeFile(config, emptyConfig);
  return (name, subject, extensions, issuer) => createCertificate({ dir, config, validDays, name, subject, extensions, issuer });
}

/**
 * The keys and certificates of one short-lived API server, all under `dir`: a CA, a loopback serving certificate, an admin client.
 * Throws what `certificateMaker` says.
 */
export async function createClusterPki(dir: string): Promise<ClusterPki> {
  const make = await certificateMaker(dir, VALID_DAYS);
  const ca = await make('ca', '/CN=test-cluster-ca', CA_EXTENSIONS);
  const names = 'subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1';
  const server = await make('server', '/CN=kube-apiserver', [...LEAF_EXTENSIONS, 'extendedKeyUsage=serverAuth', names], ca);
  const admin = await make('admin', '/O=system:masters/CN=admin', [...LEAF_EXTENSIONS, 'extendedKeyUsage=clientAuth'], ca);
  return { ca, server, admin, serviceAccount: await createTokenKeys(dir) };
}

/** A kubeconfig (JSON is YAML) with everything inline, so that it can be copied or mounted anywhere. */
export async function clientKubeconfig({ ca: issuer, client, server }: { ca: Certificate; client: Certificate; server: string }): Promise<string> {
  const [ca, certificate, key] = await Promise.all([issuer.certFile, client.certFile, client.keyFile].map((file) => readFile(file, 'base64')));
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'client', user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'client' } }],
    'current-context': 'test',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** The key pair that signs service account tokens. */
export async function createTokenKeys(dir: string): Promise<ClusterPki['serviceAccount']> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = { privateKeyFile: join(dir, 'service-account.key'), publicKeyFile: join(dir, 'service-account.pub') };
  await writeFile(files.privateKeyFile, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  await writeFile(files.publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return files;
}

type CertificateRequest = {
  dir: string;
  config: string;
  validDays: number;
  name: string;
  subject: string;
  extensions: readonly string[];
  issuer?: Certificate | undefined;
};

async function createCertificate({ dir, config, validDays, name, subject, extensions, issuer }: CertificateRequest): Promise<Certificate> {
  const made = { certFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`) };
  const signer = issuer ? ['-CA', issuer.certFile, '-CAkey', issuer.keyFile] : [];
  const added = extensions.flatMap((text) => ['-addext', text]);
  const files = ['-out', made.certFile, '-keyout', made.keyFile];
  await openssl(['req', '-x509', '-config', config, ...newKey, '-days', String(validDays), '-subj', subject, ...signer, ...added, ...files]);
  return made;
}

async function openssl(args: string[]): Promise<void> {
  try {
    await run('openssl', args);
  } catch (cause) {
    const { code, stderr = '' } = cause as NodeJS.ErrnoException & { stderr?: string };
    const hint = 'install openssl 3 and put it on PATH';
    if (code === 'ENOENT') throw inputError('OPENSSL_MISSING', 'the test cluster needs "openssl" for its certificates and it is not on PATH', { hint, cause });
    throw inputError('OPENSSL_FAILED', `"openssl ${args[0]} ${args[1]}" failed: ${stderr.trim()}`, { hint, cause });
  }
}
