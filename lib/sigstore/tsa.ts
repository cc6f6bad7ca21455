// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { RFC3161Timestamp } from '@sigstore/core';
import { deniedError, type StepError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { redactUrl } from '../log/redact.ts';

/** A timestamp authority: gives a timestamp response (DER, RFC 3161 TimeStampResp) over a signature. */
export type TimestampAuthority = (signature: Buffer) => Promise<Buffer>;

const MAX_ANSWER = 64 * 1024;
const NONCE_SIZE = 8;
/** SEQUENCE { OID 2.16.840.1.101.3.4.2.1, NULL }: AlgorithmIdentifier of SHA-256. */
const SHA256_IDENTIFIER = Buffer.from('300d06096086480165030402010500', 'hex');
const VERSION_1 = Buffer.from('020101', 'hex');
const CERTIFICATE_WANTED = Buffer.from('0101ff', 'hex');
const GRANTED = new Set([0n, 1n]);

/**
 * The authority at `url` (RFC 3161 by HTTP, section 3.4). What it answers is checked as far as it goes without trust in it: granted, about this signature, with our nonce. Who signed it is for the verification of the bundle.
 * Throws refused TSA_REFUSED, denied TIMESTAMP_INVALID, and what lib/http throws.
 */
export function createTimestampAuthority({ http, url }: { http: Http; url: string }): TimestampAuthority {
  const name = redactUrl(url);
  return async (signature) => {
    const nonce = newNonce();
    const response = await http({
      what: `get a timestamp of ${name}`,
      method: 'POST',
      url,
      headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
      body: timestampRequest(signature, nonce),
      retryable: true,
      maxBytes: MAX_ANSWER,
    });
    if (response.status !== 200 && response.status !== 201) throw await refusal(response, `get a timestamp of ${name}`, { code: 'TSA_REFUSED' });
    const answer = await response.body();
    checkAnswer(answer, signature, nonce, name);
    return answer;
  };
}

/** The DER of a TimeStampReq over the SHA-256 of the signature, which asks for the authority's certificate (RFC 3161, section 2.4.1). */
export function timestampRequest(signature: Buffer, nonce: Buffer): Buffer {
  const imprint = sequence(SHA256_IDENTIFIER, element(0x04, createHash('sha256').update(signature).digest()));
  return sequence(VERSION_1, imprint, element(0x02, nonce), CERTIFICATE_WANTED);
}

/** Positive and without a leading zero byte, which is how DER writes it, so that answers can be compared byte by byte. */
function newNonce(): Buffer {
  const nonce = randomBytes(NONCE_SIZE);
  nonce[0] = ((nonce[0] ?? 0) & 0x3f) | 0x40;
  return nonce;
}

function checkAnswer(answer: Buffer, signature: Buffer, nonce: Buffer, name: string): void {
  let timestamp: RFC3161Timestamp;
  let granted: boolean;
  try {
    timestamp = RFC3161Timestamp.parse(Buffer.from(answer));
    granted = GRANTED.has(timestamp.status);
  } catch (cause) {
    throw invalid(name, 'is no timestamp response', cause);
  }
  if (!granted) throw invalid(name, `is a rejection (status ${timestamp.status})`);
  try {
    timestamp.tstInfo.verify(signature);
  } catch (cause) {
    throw invalid(name, 'is not about the signature that was sent', cause);
  }
  // Behind version, policy, imprint, serial number and time the nonce is the only INTEGER (RFC 3161, section 2.4.2).
  const answered = timestamp.tstInfo.root.subs.slice(5).find(({ tag }) => tag.isInteger());
  if (!answered?.value.equals(nonce)) throw invalid(name, 'does not repeat the nonce that was sent: it answers another request');
}

function invalid(name: string, problem: string, cause?: unknown): StepError {
  return deniedError('TIMESTAMP_INVALID', `the answer of the timestamp authority ${name} ${problem}`, { cause });
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

/** A DER element of at most 127 bytes of content, which is all that a request needs. */
function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}
