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

const validDays = '2';
/** Without a config of its own, openssl would add the extensions of the machine's openssl.cnf to ours. */
const emptyConfig = '[req]\ndistinguished_name = subject\n[subject]\n';
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/**
 * The keys and certificates of one short-lived API server, all under `dir`: a CA, a loopback serving certificate, an admin client.
 * Certificates come from `openssl` 3 (Node makes none). Throws StepError `OPENSSL_MISSING`, `OPENSSL_FAILED`.
 */
export async function createClusterPki(dir: string): Promise<ClusterPki> {
  const config = join(dir, 'openssl.cnf');
  await writeFile(config, emptyConfig);
  const make = (name: string, subject: string, extensions: string[], issuer?: Certificate) =>
    createCertificate({ dir, config, name, subject, extensions, issuer });

  const ca = await make('ca', '/CN=test-cluster-ca', ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']);
  const leaf = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature'];
  const names = 'subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1';
  const server = await make('server', '/CN=kube-apiserver', [...leaf, 'extendedKeyUsage=serverAuth', names], ca);
  const admin = await make('admin', '/O=system:masters/CN=admin', [...leaf, 'extendedKeyUsage=clientAuth'], ca);
  return { ca, server, admin, serviceAccount: await createTokenKeys(dir) };
}

/** A kubeconfig (JSON is YAML) with everything inline, so that it can be copied or mounted anywhere. */
export async function adminKubeconfig(pki: ClusterPki, server: string): Promise<string> {
  const [ca, certificate, key] = await Promise.all([pki.ca.certFile, pki.admin.certFile, pki.admin.keyFile].map((file) => readFile(file, 'base64')));
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'admin', user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

async function createTokenKeys(dir: string): Promise<ClusterPki['serviceAccount']> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = { privateKeyFile: join(dir, 'service-account.key'), publicKeyFile: join(dir, 'service-account.pub') };
  await writeFile(files.privateKeyFile, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  await writeFile(files.publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return files;
}

type CertificateRequest = { dir: string; config: string; name: string; subject: string; extensions: string[]; issuer?: Certificate | undefined };

async function createCertificate({ dir, config, name, subject, extensions, issuer }: CertificateRequest): Promise<Certificate> {
  const made = { certFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`) };
  const signer = issuer ? ['-CA', issuer.certFile, '-CAkey', issuer.keyFile] : [];
  const added = extensions.flatMap((text) => ['-addext', text]);
  const files = ['-out', made.certFile, '-keyout', made.keyFile];
  await openssl(['req', '-x509', '-config', config, ...newKey, '-days', validDays, '-subj', subject, ...signer, ...added, ...files]);
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
