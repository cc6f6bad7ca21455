// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';

/** Ends a section. */
export const FLUSH = Buffer.from('0000');

const MAX_BAND = 65_515;

/** Text as one pkt-line (Git documentation, "protocol-common"). */
export function pktLine(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes]);
}

/** Bytes in as many pkt-lines of side-band 1 as it takes. */
export function sideBand(bytes: Buffer): Buffer {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MAX_BAND) {
    const part = bytes.subarray(at, at + MAX_BAND);
    lines.push(Buffer.from((part.length + 5).toString(16).padStart(4, '0')), Buffer.of(1), part);
  }
  return Buffer.concat(lines);
}

/** The lines up to the next flush (or the end) without their line breaks, whether there was a flush, and what follows it. Throws input GIT_REQUEST_INVALID. */
export function readSection(bytes: Buffer): { lines: string[]; flushed: boolean; rest: Buffer } {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const digits = bytes.toString('latin1', at, at + 4);
    const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 1;
    if (length === 0) return { lines, flushed: true, rest: bytes.subarray(at + 4) };
    if (length < 4 || at + length > bytes.length) throw inputError('GIT_REQUEST_INVALID', 'the request is not one of a Git client');
    lines.push(bytes.toString('utf8', at + 4, at + length).replace(/\n$/, ''));
    at += length;
  }
  return { lines, flushed: false, rest: Buffer.alloc(0) };
}
