// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import { scrub } from '../log/redact.ts';

const LENGTH = /^[0-9a-f]{4}$/i;
const SIDE_BAND_ERROR = 3;

/**
 * Checks that an answer is a whole sequence of pkt-lines (Git documentation, "protocol-common") and holds no error line; isomorphic-git reads it only after that, because
 * it loses errors that come up while it reads. Gives the bytes of side-band 1 together (the pack, where there is one).
 * Throws refused GIT_ANSWER_INVALID, or GIT_REFUSED with what the server said.
 */
export function checkPktLines(body: Buffer, what: string): Buffer {
  const bands: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const digits = body.toString('latin1', at, at + 4);
    const length = LENGTH.test(digits) ? Number.parseInt(digits, 16) : 1;
    const end = at + Math.max(length, 4);
    // 0000 ends a section; 0001 and 0002 belong to protocol 2, which is not asked for, and 0003 is never valid.
    if ((length > 0 && length < 4) || end > body.length) {
      throw refusedError('GIT_ANSWER_INVALID', `cannot ${what}: the answer is not one of a Git server`, {
        hint: 'check that the URL is that of the repository, as "git clone" takes it',
      });
    }
    const line = body.subarray(at + 4, end);
    if (line[0] === SIDE_BAND_ERROR) throw told(line.subarray(1), what);
    if (line.toString('latin1', 0, 4) === 'ERR ') throw told(line.subarray(4), what);
    if (line[0] === 1) bands.push(line.subarray(1));
    at = end;
  }
  return Buffer.concat(bands);
}

function told(line: Buffer, what: string): Error {
  return refusedError('GIT_REFUSED', `cannot ${what}: the Git server says: ${serverText(line.toString('utf8'))}`);
}

/** What a Git server said, on one printable line of at most 300 characters without secrets. */
export function serverText(text: string): string {
  const line = text.replace(/[^\x21-\x7e\u00a1-\u024f]+/g, ' ').trim();
  return scrub(line.length > 300 ? `${line.slice(0, 300)}…` : line);
}
