// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { asStepError, inputError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';

/** What the server proves itself with, and whose clients it believes; all PEM. `expires` is the end of the server's certificate in milliseconds since the epoch. */
export type TlsFiles = { revision: string; cert: string; key: string; ca: string; expires: number };

export type TlsPlaces = { cert: string; key: string; clientCa: string };

const MAX_PEM_BYTES = 256 * 1024;

/**
 * Reads certificate, key and client CA. Throws input FILE_MISSING, FILE_UNREADABLE, FILE_TOO_LARGE, or TLS_INVALID for what is no PEM of its kind, for a key
 * that does not belong to the certificate (as in the middle of a rotation), and for a client CA that is none: with a leaf in its place nobody would be let in.
 */
export async function readTlsFiles({ cert: certPath, key: keyPath, clientCa }: TlsPlaces): Promise<TlsFiles> {
  const [cert, key, ca] = [await read(certPath, 'certificate'), await read(keyPath, 'key'), await read(clientCa, 'client CA')];
  const leaf = parse(() => new X509Certificate(cert), `${certPath} is no certificate`);
  const privateKey = parse(() => createPrivateKey(key), `${keyPath} is no private key without a password`);
  if (!leaf.checkPrivateKey(privateKey)) throw invalid(`the key ${keyPath} does not belong to the certificate ${certPath}`);
  const authority = parse(() => new X509Certificate(ca), `${clientCa} is no certificate`);
  if (!authority.ca) throw invalid(`${clientCa} is no certificate of a CA`, 'take ca.crt of the Secret gatekeeper-webhook-server-cert, not tls.crt');
  parse(() => createSecureContext({ cert, key, ca, minVersion: 'TLSv1.3' }), `${certPath} cannot be used for TLS`);
  return { revision: sha256Digest(JSON.stringify([cert, key, ca])), cert, key, ca, expires: leaf.validToDate.getTime() };
}

async function read(path: string, what: string): Promise<string> {
  try {
    return (await readBounded(path, MAX_PEM_BYTES, what)).toString('utf8');
  } catch (cause) {
    const { code, message } = asStepError(cause);
    throw inputError(code, message, { hint: 'mount the Secret admission-provider-tls and the ConfigMap gatekeeper-ca, as the README says', cause });
  }
}

function parse<T>(work: () => T, problem: string): T {
  try {
    return work();
  } catch (cause) {
    throw invalid(problem, undefined, cause);
  }
}

function invalid(problem: string, hint = 'give PEM files, the certificate first in its file', cause?: unknown): Error {
  return inputError('TLS_INVALID', problem, { hint, cause });
}
