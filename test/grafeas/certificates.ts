// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM files of a key pair with its certificate. */
export type CertificateFiles = { cert: string; key: string };

/**
 * A CA, and one loopback certificate for server and client. The reference server needs both uses in its own: its REST gateway dials its gRPC side with it,
 * and answers 503 to everything when that fails. Needs openssl 3.
 */
export async function makeCertificates(dir: string): Promise<{ ca: CertificateFiles; server: CertificateFiles; client: CertificateFiles }> {
  // Without a config of its own, openssl would add the extensions of the machine's openssl.cnf to ours.
  const config = join(dir, 'openssl.cnf');
  await writeFile(config, '[req]\ndistinguished_name = subject\n[subject]\n');
  const make = async (name: string, extensions: string[], issuer?: CertificateFiles): Promise<CertificateFiles> => {
    const made = { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', made.key];
    const signer = issuer ? ['-CA', issuer.cert, '-CAkey', issuer.key] : [];
    const added = extensions.flatMap((text) => ['-addext', text]);
    await run('openssl', ['req', '-x509', '-config', config, ...key, '-days', '2', '-subj', `/CN=${name}`, ...signer, ...added, '-out', made.cert]);
    return made;
  };
  const ca = await make('ca', ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']);
  const leaf = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature'];
  const server = await make('server', [...leaf, 'extendedKeyUsage=serverAuth,clientAuth', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], ca);
  return { ca, server, client: await make('client', [...leaf, 'extendedKeyUsage=clientAuth'], ca) };
}
