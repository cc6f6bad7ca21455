// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

test.each([
  // RFC 3720, appendix B.4, and the check value of the catalogues of CRCs.
  ['32 bytes of zeroes', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['32 incrementing bytes', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
  ['123456789', Buffer.from('123456789'), 0xe3069283],
  ['nothing', Buffer.alloc(0), 0],
])('%s', (_what, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});
