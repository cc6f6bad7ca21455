// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { encodeStatement, hasSubject, parseStatement } from './statement.ts';

const HEX = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const VALID = { _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: HEX } }], predicateType: 'https://example.com/p', predicate: { a: 1 } };

function parse(value: unknown): ReturnType<typeof parseStatement> {
  return parseStatement(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), 'referrer 7');
}

describe('encodeStatement', () => {
  it('writes what parseStatement reads', () => {
    const bytes = encodeStatement([{ sha256: HEX, name: 'app' }, { sha256: OTHER }], 'https://example.com/p', { a: [1] });
    expect(parseStatement(bytes, 'it')).toEqual({
      _type: VALID._type,
      subject: [{ name: 'app', digest: { sha256: HEX } }, { digest: { sha256: OTHER } }],
      predicateType: 'https://example.com/p',
      predicate: { a: [1] },
    });
  });

  it('gives equal bytes for equal input', () => {
    const encode = (): Buffer => encodeStatement([{ sha256: HEX }], 'https://example.com/p', { b: 1, a: 2 });
    expect(encode()).toEqual(encode());
    expect(encode().toString()).toBe(
      `{"_type":"${VALID._type}","subject":[{"digest":{"sha256":"${HEX}"}}],"predicateType":"https://example.com/p","predicate":{"b":1,"a":2}}`,
    );
  });
});

describe('parseStatement', () => {
  it.each([
    ['v1', VALID],
    ['v0.1', { ...VALID, _type: 'https://in-toto.io/Statement/v0.1' }],
    ['without predicate', { ...VALID, predicate: undefined }],
    ['annotations null', { ...VALID, subject: [{ digest: { sha256: HEX }, annotations: null }] }],
    ['other digests beside', { ...VALID, subject: [{ name: '', digest: { sha512: OTHER, sha256: HEX } }] }],
    ['1024 subjects', { ...VALID, subject: Array.from({ length: 1024 }, () => ({ digest: { sha256: HEX } })) }],
  ])('reads %s', (_what, value) => {
    const statement = parse(value);
    expect(hasSubject(statement, HEX)).toBe(true);
    expect(statement.predicateType).toBe('https://example.com/p');
  });

  it.each([
    ['', 'does not hold JSON'],
    ['{"_type":', 'does not hold JSON'],
    ['null', 'is not an in-toto statement: statement'],
    ['[]', 'is not an in-toto statement: statement'],
    [{ ...VALID, _type: 'https://in-toto.io/Statement/v2' }, '_type'],
    [{ ...VALID, _type: undefined }, '_type'],
    [{ ...VALID, subject: [] }, 'subject'],
    [{ ...VALID, subject: undefined }, 'subject'],
    [{ ...VALID, subject: { digest: { sha256: HEX } } }, 'subject'],
    [{ ...VALID, subject: Array.from({ length: 1025 }, () => ({ digest: { sha256: HEX } })) }, 'subject'],
    [{ ...VALID, subject: [{ name: 'app' }] }, 'subject.0.digest'],
    [{ ...VALID, subject: [{ digest: { sha256: 7 } }] }, 'subject.0.digest.sha256'],
    [{ ...VALID, subject: [{ digest: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`h${i}`, 'x'])) }] }, 'more than 32 digests'],
    [{ ...VALID, predicateType: '' }, 'predicateType'],
    [{ ...VALID, predicateType: 'x'.repeat(1001) }, 'predicateType'],
    [{ ...VALID, predicateType: undefined }, 'predicateType'],
  ])('refuses %j', (value, where) => {
    expect(() => parse(value)).toThrowError(expect.objectContaining({ kind: 'denied', code: 'STATEMENT_INVALID', message: expect.stringContaining(where) }));
    expect(() => parse(value)).toThrowError(/^referrer 7 /);
  });
});

describe('hasSubject', () => {
  it.each([
    ['another digest', { sha256: OTHER }],
    ['the digest in upper case', { sha256: HEX.toUpperCase() }],
    ['the digest with its algorithm', { sha256: `sha256:${HEX}` }],
    ['the hex under another algorithm', { sha512: HEX }],
    ['no digest', {}],
  ])('is not satisfied by %s', (_what, digest) => {
    expect(hasSubject({ ...VALID, subject: [{ name: HEX, digest }] }, HEX)).toBe(false);
  });

  it('takes any subject of several', () => {
    expect(hasSubject({ ...VALID, subject: [{ digest: { sha256: OTHER } }, { digest: { sha256: HEX } }] }, HEX)).toBe(true);
  });
});
