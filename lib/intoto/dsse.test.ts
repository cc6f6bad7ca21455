// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { preAuthenticationEncoding } from './dsse.ts';

describe('preAuthenticationEncoding', () => {
  it.each([
    // The test vector of the DSSE protocol document.
    ['http://example.com/HelloWorld', 'hello world', 'DSSEv1 29 http://example.com/HelloWorld 11 hello world'],
    ['', '', 'DSSEv1 0  0 '],
    ['type', 'grün', 'DSSEv1 4 type 5 grün'],
    ['typ ü', 'x', 'DSSEv1 6 typ ü 1 x'],
  ])('of type %j and payload %j', (type, payload, wanted) => {
    expect(preAuthenticationEncoding(type, Buffer.from(payload)).toString()).toBe(wanted);
  });

  it('keeps bytes that are no text', () => {
    const bytes = Buffer.from([0, 0xff, 0x0a]);
    expect(preAuthenticationEncoding('t', bytes).subarray(-3)).toEqual(bytes);
  });

  it('gives no two pairs of type and payload the same bytes', () => {
    const one = preAuthenticationEncoding('a', Buffer.from('b 1 c'));
    const other = preAuthenticationEncoding('a 5 b', Buffer.from('c'));
    expect(one).not.toEqual(other);
  });
});
