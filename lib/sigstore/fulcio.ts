// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { deniedError, type StepError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { redactUrl } from '../log/redact.ts';
import type { IdentityToken } from './identity-token.ts';
import { spkiDer } from './public-key.ts';

/** A key that lives as long as its signature takes, and the certificate (DER) that says who held it. */
export type CertifiedKey = { privateKey: KeyObject; key: KeyObject; certificate: Buffer };

const MAX_ANSWER = 256 * 1024;
const MAX_CHAIN = 10;
const Answer = z.object({ signedCertificateEmbeddedSct: z.object({ chain: z.object({ certificates: z.array(z.string()).min(1).max(MAX_CHAIN) }) }) });

/**
 * A new P-256 key with a certificate of the authority at `url` for the holder of the token (Fulcio fulcio.proto, CreateSigningCertificate).
 * The certificate is checked as far as it goes without trust in the authority: it is for our key, valid at `now`, and names somebody. That the authority is trusted and that the certificate was logged is for the verification of the bundle.
 * Throws refused FULCIO_REFUSED, denied CERTIFICATE_INVALID, and what lib/http throws.
 */
export async function certifyNewKey(options: { http: Http; url: string; token: IdentityToken; now: Date }): Promise<CertifiedKey> {
  const { http, url, token, now } = options;
  const name = redactUrl(url);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const response = await http({
    what: `get a signing certificate of ${name}`,
    method: 'POST',
    url: `${url.replace(/\/+$/, '')}/api/v2/signingCert`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: certificateRequest(token, privateKey, publicKey),
    // Another certificate for the same key does no harm.
    retryable: true,
    maxBytes: MAX_ANSWER,
  });
  if (response.status !== 200 && response.status !== 201) {
    throw await refusal(response, `get a signing certificate of ${name} for a token of the issuer ${token.issuer}, audience "${token.audience}"`, {
      code: 'FULCIO_REFUSED',
      hint: 'Fulcio must know the issuer of the token, and the audience must be the one it expects (sigstore, unless configured otherwise); its own log says what it did not like',
    });
  }
  const certificate = readCertificate(await response.body(), name);
  checkCertificate(certificate, publicKey, now, name);
  return { privateKey, key: publicKey, certificate: certificate.raw };
}

function certificateRequest({ token, challenge }: IdentityToken, privateKey: KeyObject, publicKey: KeyObject): Buffer {
  const request = {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ format: 'pem', type: 'spki' }) },
      proofOfPossession: sign('sha256', Buffer.from(challenge), privateKey).toString('base64'),
    },
  };
  return Buffer.from(JSON.stringify(request));
}

function readCertificate(answer: Buffer, name: string): X509Certificate {
  try {
    const { chain } = Answer.parse(JSON.parse(answer.toString('utf8'))).signedCertificateEmbeddedSct;
    return new X509Certificate(chain.certificates[0] ?? '');
  } catch (cause) {
    throw invalid(name, 'holds no certificate with the proof that it was logged', cause);
  }
}

function checkCertificate(certificate: X509Certificate, publicKey: KeyObject, now: Date, name: string): void {
  if (!spkiDer(certificate.publicKey).equals(spkiDer(publicKey))) throw invalid(name, 'is a certificate for another key than ours');
  if (certificate.ca) throw invalid(name, 'is a certificate of an authority');
  if (certificate.subjectAltName === undefined) throw invalid(name, 'is a certificate that names nobody');
  // Clocks differ a little; what counts is the time of the timestamp or the log, which is checked when it is there.
  const skew = 60_000;
  if (certificate.validToDate.getTime() + skew < now.getTime() || certificate.validFromDate.getTime() - skew > now.getTime())
    throw invalid(name, `is a certificate that is valid from ${certificate.validFrom} to ${certificate.validTo}, and our clock says ${now.toISOString()}`);
}

function invalid(name: string, problem: string, cause?: unknown): StepError {
  return deniedError('CERTIFICATE_INVALID', `the answer of the certificate authority ${name} ${problem}`, { cause });
}
