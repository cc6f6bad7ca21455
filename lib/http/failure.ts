// SPDX-License-Identifier: Apache-2.0
import { refusedError, type StepError } from '../errors/errors.ts';

/** Why one attempt did not bring a final answer. */
export type Failure = {
  code: 'HTTP_UNREACHABLE' | 'HTTP_THROTTLED' | 'HTTP_SERVER_ERROR';
  /** A short clause for messages: `connect ECONNREFUSED`, `status 502`. */
  reason: string;
  retryAfterMs?: number;
  /** The peer cannot have acted on the request, so even a request that must not be repeated may be sent again. */
  unsent: boolean;
  cause?: unknown;
};

const UNSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);
const TLS_CODES = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The `code` of a Node system or OpenSSL error, else an empty string. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** A socket error as a Failure. */
export function networkFailure(error: unknown): Failure {
  const code = errorCode(error);
  const message = error instanceof Error && error.message !== '' ? error.message : code || 'unknown network error';
  const stopped = error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
  const reason = stopped ? 'no answer before the deadline' : message.replace(/\s+/g, ' ').slice(0, 200);
  return { code: 'HTTP_UNREACHABLE', reason, unsent: UNSENT.has(code), cause: error };
}

/** Besides 5xx; 499 is what gRPC gateways make of a call that was cancelled on their side (grpc-gateway, HTTPStatusFromCode). */
const CURABLE: ReadonlySet<number> = new Set([408, 429, 499]);

/** The Failure for a status that another attempt may cure (408, 429, 499, 5xx), else undefined. 501 is an answer: the server does not do this, and asking again changes nothing (RFC 9110 section 15.6.2). */
export function statusFailure(status: number, retryAfterMs: number | undefined): Failure | undefined {
  if (status === 501 || (!CURABLE.has(status) && status < 500)) return undefined;
  const code = status === 429 ? 'HTTP_THROTTLED' : 'HTTP_SERVER_ERROR';
  return { code, reason: `status ${status}`, unsent: false, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** The refusal for a peer whose TLS certificate or protocol is not acceptable, else undefined. Trying again would not help. */
export function tlsRefusal(error: unknown, what: string, host: string): StepError | undefined {
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : '';
  if (TLS_CODES.has(code)) {
    return refusedError('HTTP_TLS', `cannot ${what}: the certificate of ${host} is not trusted (${code})`, {
      hint: 'give the CA certificate that signed it in the ca-bundle param, or correct the host name',
      cause: error,
    });
  }
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE/.test(code)) {
    return refusedError('HTTP_TLS', `cannot ${what}: ${host} refused the TLS handshake (${code})`, {
      hint: 'it may want a client certificate, or another one',
      cause: error,
    });
  }
  if (code.startsWith('ERR_SSL_') || (code === 'EPROTO' && /ssl|tls/i.test(message))) {
    return refusedError('HTTP_TLS', `cannot ${what}: ${host} does not speak TLS as expected (${code})`, {
      hint: 'if it serves plain HTTP, name it in the insecure-registries param; otherwise check the ca-bundle param and the port',
      cause: error,
    });
  }
  return undefined;
}
