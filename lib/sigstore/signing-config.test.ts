// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { chooseServices, parseSigningConfig } from './signing-config.ts';

const NOW = new Date('2026-08-15T12:00:00Z');
const MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';

function service(url: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { url, majorApiVersion: 1, validFor: { start: '2026-01-01T00:00:00Z' }, operator: url, ...changes };
}

function choose(config: Record<string, unknown>): ReturnType<typeof chooseServices> {
  return chooseServices(parseSigningConfig(JSON.stringify({ mediaType: MEDIA_TYPE, ...config })), NOW);
}

const [A, B, C] = ['https://a.example.com', 'https://b.example.com', 'https://c.example.com'];
const ANY = { selector: 'ANY' };

describe('chooseServices', () => {
  it('reads what "cosign signing-config create" writes', () => {
    const config = {
      caUrls: [service('https://fulcio.example.com/')],
      oidcUrls: [service('https://login.example.com')],
      rekorTlogUrls: [service(A, { majorApiVersion: 2 })],
      rekorTlogConfig: ANY,
      tsaUrls: [service('https://tsa.example.com/api/v1/timestamp')],
      tsaConfig: ANY,
    };
    expect(choose(config)).toEqual({
      fulcio: 'https://fulcio.example.com',
      logs: [{ url: A, version: 2 }],
      timestampAuthorities: ['https://tsa.example.com/api/v1/timestamp'],
    });
  });

  it('a config without services chooses none', () => {
    expect(choose({ rekorTlogConfig: {}, tsaConfig: {} })).toEqual({ fulcio: undefined, logs: [], timestampAuthorities: [] });
  });

  it.each([
    ['ANY: the newest', [service(A), service(B, { validFor: { start: '2026-08-01T00:00:00Z' } })], ANY, [B]],
    ['ALL', [service(A), service(B)], { selector: 'ALL' }, [A, B]],
    [
      'ALL: the newest of an operator alone',
      [service(A, { operator: 'x' }), service(B, { operator: 'x', validFor: { start: '2026-08-01T00:00:00Z' } })],
      { selector: 'ALL' },
      [B],
    ],
    ['EXACT', [service(A), service(B), service(C)], { selector: 'EXACT', count: 2 }, [A, B]],
    ['the highest version, and no mixture', [service(A), service(B, { majorApiVersion: 2 })], { selector: 'ALL' }, [B]],
    ['a version that is not spoken here is passed over', [service(A), service(B, { majorApiVersion: 3 })], { selector: 'ALL' }, [A]],
    [
      'one whose time is over or has not come is passed over',
      [
        service(A, { validFor: { start: '2026-01-01T00:00:00Z', end: '2026-08-15T11:59:59Z' } }),
        service(B, { validFor: { start: '2026-08-15T12:00:01Z' } }),
        service(C, { validFor: { start: '2026-08-15T12:00:00Z', end: '2026-08-15T12:00:00Z' } }),
      ],
      { selector: 'ALL' },
      [C],
    ],
    ['one without a window is always valid, and the oldest', [service(A, { validFor: undefined }), service(B)], ANY, [B]],
  ])('%s', (_what, rekorTlogUrls, rekorTlogConfig, urls) => {
    expect(choose({ rekorTlogUrls, rekorTlogConfig }).logs.map(({ url }) => url)).toEqual(urls);
  });

  it.each([
    ['services and no selector', { tsaUrls: [service(A)] }, 'SIGNING_CONFIG_INVALID', /by which selector/],
    ['EXACT without a count', { tsaUrls: [service(A)], tsaConfig: { selector: 'EXACT' } }, 'SIGNING_CONFIG_INVALID', /without a count/],
    [
      'EXACT of more operators than there are',
      { tsaUrls: [service(A, { operator: 'x' }), service(B, { operator: 'x' })], tsaConfig: { selector: 'EXACT', count: 2 } },
      'SIGNING_CONFIG_INVALID',
      /EXACT 2 of 1/,
    ],
    [
      'windows that are over',
      { tsaUrls: [service(A, { validFor: { end: '2026-01-01T00:00:00Z' } })], tsaConfig: ANY },
      'SIGNING_SERVICE_MISSING',
      /timestamp authority that is valid on 2026-08-15/,
    ],
    ['a version of Fulcio that is not spoken here', { caUrls: [service(A, { majorApiVersion: 2 })] }, 'SIGNING_SERVICE_MISSING', /certificate authority/],
  ])('refuses %s', (_what, config, code, message) => {
    expect(() => choose(config)).toThrowError(expect.objectContaining({ kind: 'input', code, message: expect.stringMatching(message) }));
  });
});

describe('parseSigningConfig', () => {
  it.each([
    ['no JSON', '{'],
    ['a trusted root', JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' })],
    ['version 0.1', JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.1+json' })],
    ['a URL of another scheme', JSON.stringify({ mediaType: MEDIA_TYPE, caUrls: [service('file:///etc/passwd')] })],
    ['a URL with credentials', JSON.stringify({ mediaType: MEDIA_TYPE, caUrls: [service('https://robot:secret@fulcio.example.com')] })],
    ['a selector that nobody knows', JSON.stringify({ mediaType: MEDIA_TYPE, tsaConfig: { selector: 'SOME' } })],
    ['a time that is none', JSON.stringify({ mediaType: MEDIA_TYPE, caUrls: [service(A, { validFor: { start: 'soon' } })] })],
    ['more services than anybody has', JSON.stringify({ mediaType: MEDIA_TYPE, caUrls: Array.from({ length: 101 }, () => service(A)) })],
  ])('refuses %s', (_what, text) => {
    const parse = (): unknown => parseSigningConfig(text);
    expect(parse).toThrowError(expect.objectContaining({ kind: 'input', code: 'SIGNING_CONFIG_INVALID' }));
    expect(parse).not.toThrowError(/secret/);
  });
});
