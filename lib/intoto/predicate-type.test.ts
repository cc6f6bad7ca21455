// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { PREDICATE_TYPE, predicateTypeName, predicateTypeUri } from './predicate-type.ts';

describe('predicate types', () => {
  it.each(Object.entries(PREDICATE_TYPE))('%s stands for %s and back', (name, uri) => {
    expect(predicateTypeUri(name)).toBe(uri);
    expect(predicateTypeName(uri)).toBe(name);
  });

  it('gives a name to one type only', () => {
    expect(new Set(Object.values(PREDICATE_TYPE)).size).toBe(Object.keys(PREDICATE_TYPE).length);
  });

  it('takes a URI as it is', () => {
    expect(predicateTypeUri('https://example.com/scan/v1')).toBe('https://example.com/scan/v1');
    expect(predicateTypeName('https://example.com/scan/v1')).toBe('https://example.com/scan/v1');
  });

  it.each([
    '',
    'CycloneDX',
    'constructor',
    '__proto__',
    'toString',
    'example.com/x',
    'ftp://example.com/x',
    'https://',
    'https://a b',
    `https://${'x'.repeat(501)}`,
  ])('knows nothing of %j', (text) => {
    expect(predicateTypeUri(text)).toBeUndefined();
  });
});
