// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { readPackets, readSubpackets, writeMpi, writePacket, writeSubpacket } from './gpg-packet.ts';

const body = (length: number): Buffer => Buffer.alloc(length, 7);

describe('packets', () => {
  test.each<[string, string, number]>([
    ['old format, one byte of length', '8403', 3],
    ['old format, two bytes', '850100', 256],
    ['old format, four bytes', '8600000100', 256],
    ['new format, one byte', 'c1bf', 191],
    ['new format, two bytes', 'c1c000', 192],
    ['new format, two bytes at their end', 'c1dfff', 8383],
    ['new format, five bytes', 'c1ff00002000', 8192],
  ])('%s', (_, head, length) => {
    const packet = Buffer.concat([Buffer.from(head, 'hex'), body(length)]);
    expect(readPackets(Buffer.concat([packet, packet]))).toEqual([
      { tag: 1, body: body(length) },
      { tag: 1, body: body(length) },
    ]);
  });

  test.each([
    ['no packet', '0401'],
    ['an old length that is not told', '8701'],
    ['a new length that is told in parts', 'c1e001'],
    ['a packet that ends too early', '840307'],
    ['a length that ends too early', '8501'],
    ['a length of gigabytes', 'c1ffffffffff07'],
  ])('%s is refused', (_, hex) => {
    expect(() => readPackets(Buffer.from(hex, 'hex'))).toThrow(RangeError);
  });

  test('what is written is read again', () => {
    expect(readPackets(writePacket(2, body(300)))).toEqual([{ tag: 2, body: body(300) }]);
    expect(readSubpackets(Buffer.concat([writeSubpacket(33, body(21)), writeSubpacket(2, body(4))]))).toEqual([
      { tag: 33, body: body(21) },
      { tag: 2, body: body(4) },
    ]);
  });
});

describe('subpackets', () => {
  test.each<[string, string, number]>([
    ['one byte of length', '0410', 3],
    ['two bytes', 'c00010', 191],
    ['five bytes', 'ff0000010010', 255],
    ['a critical one', '0490', 3],
  ])('%s', (_, head, length) => {
    expect(readSubpackets(Buffer.concat([Buffer.from(head, 'hex'), body(length)]))).toEqual([{ tag: 16, body: body(length) }]);
  });

  test('one without a type is passed over', () => {
    expect(readSubpackets(Buffer.from('00021007', 'hex'))).toEqual([{ tag: 16, body: body(1) }]);
  });

  test('one that ends too early is refused', () => {
    expect(() => readSubpackets(Buffer.from('0510', 'hex'))).toThrow(RangeError);
  });
});

// RFC 9580 section 3.2 has the first two.
test.each([
  ['01', '000101'],
  ['01ff', '000901ff'],
  ['0000ff', '0008ff'],
  ['00', '0000'],
  ['', '0000'],
])('the number %s is written as %s', (digits, mpi) => {
  expect(writeMpi(Buffer.from(digits, 'hex')).toString('hex')).toBe(mpi);
});
