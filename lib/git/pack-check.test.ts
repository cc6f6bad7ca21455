// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkPack } from './pack-check.ts';
import { checkPktLines } from './pkt-line.ts';

const LIMITS = { maxObjects: 3, maxObjectBytes: 1000, maxInflatedBytes: 2000 };
const BLOB = 3;
const OFS_DELTA = 6;
const REF_DELTA = 7;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    if (rest < 128) return Buffer.from(bytes);
  }
}

/** An object of a pack; `claims` is the size in its header. */
function object(type: number, content: Buffer, claims = content.length): Buffer {
  const first = (type << 4) | (claims & 15);
  const rest = Math.floor(claims / 16);
  const header = rest === 0 ? Buffer.of(first) : Buffer.concat([Buffer.of(first | 0x80), varint(rest)]);
  const base = type === OFS_DELTA ? Buffer.of(0x81, 0x01) : type === REF_DELTA ? Buffer.alloc(20) : Buffer.alloc(0);
  return Buffer.concat([header, base, deflateSync(content)]);
}

function pack(objects: Buffer[], count = objects.length, version = 2): Buffer {
  const header = Buffer.alloc(12);
  header.write('PACK');
  header.writeUInt32BE(version, 4);
  header.writeUInt32BE(count, 8);
  const content = Buffer.concat([header, ...objects]);
  return Buffer.concat([content, createHash('sha1').update(content).digest()]);
}

const delta = (target: number): Buffer => Buffer.concat([varint(10), varint(target), Buffer.of(0)]);

describe('checkPack', () => {
  test('takes a pack within its limits', () => {
    expect(() =>
      checkPack(pack([object(BLOB, Buffer.alloc(1000)), object(OFS_DELTA, delta(500)), object(REF_DELTA, delta(500))]), LIMITS, 'fetch'),
    ).not.toThrow();
  });

  test.each([
    ['too many objects', pack([], 4), 'REPOSITORY_TOO_LARGE'],
    ['a large object', pack([object(BLOB, Buffer.alloc(1001))]), 'REPOSITORY_TOO_LARGE'],
    ['an object of petabytes', pack([object(BLOB, Buffer.alloc(1), 2 ** 52)]), 'REPOSITORY_TOO_LARGE'],
    ['a delta that becomes large', pack([object(OFS_DELTA, delta(1001))]), 'REPOSITORY_TOO_LARGE'],
    ['a delta of another pack that becomes large', pack([object(REF_DELTA, delta(2 ** 40))]), 'REPOSITORY_TOO_LARGE'],
    ['too much together', pack([1, 2, 3].map(() => object(BLOB, Buffer.alloc(900)))), 'REPOSITORY_TOO_LARGE'],
    ['more content than an object says', pack([object(BLOB, Buffer.alloc(900), 10)]), 'GIT_ANSWER_INVALID'],
    ['less content than an object says', pack([object(BLOB, Buffer.alloc(10), 900)]), 'GIT_ANSWER_INVALID'],
    ['fewer objects than the pack says', pack([object(BLOB, Buffer.alloc(10))], 2), 'GIT_ANSWER_INVALID'],
    ['more objects than the pack says', pack([object(BLOB, Buffer.alloc(10)), object(BLOB, Buffer.alloc(10))], 1), 'GIT_ANSWER_INVALID'],
    ['another version', pack([object(BLOB, Buffer.alloc(10))], 1, 3), 'GIT_ANSWER_INVALID'],
    ['a changed byte', pack([object(BLOB, Buffer.alloc(10))]).fill(1, 14, 15), 'GIT_ANSWER_INVALID'],
    ['a text', Buffer.from('x'.repeat(100)), 'GIT_ANSWER_INVALID'],
    ['nothing', Buffer.alloc(0), 'GIT_ANSWER_INVALID'],
  ])('refuses %s', (_, bytes, code) => {
    expect(() => checkPack(bytes, LIMITS, 'fetch')).toThrow(expect.objectContaining({ kind: 'refused', code }));
  });
});

describe('checkPktLines', () => {
  test('gives what side-band 1 holds', () => {
    expect(checkPktLines(Buffer.from('0008NAK\n0007\u0001ab0008\u0002one0006\u0001c0000'), 'fetch').toString()).toBe('abc');
  });
  test.each(['0003', '000', 'zzzz', '00', '0005', '-001', '0001', 'fffa x'])('refuses %j', (text) => {
    expect(() => checkPktLines(Buffer.from(text), 'fetch')).toThrow(expect.objectContaining({ code: 'GIT_ANSWER_INVALID' }));
  });
  test('what a server says stands on one printable line', () => {
    const body = Buffer.from('0029ERR \u001b[31mno\u001b[0m\r\nplease: \u0000 ask Ann\n');
    body.write(body.length.toString(16).padStart(4, '0'));
    expect(() => checkPktLines(body, 'fetch')).toThrow(/says: \[31mno \[0m please: ask Ann$/);
  });
});
