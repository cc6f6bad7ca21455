// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { trustedLog } from '../../cli/services/log/log-identity.ts';
import { checkpointKeyId } from './checkpoint.ts';
import { trustedRootJson } from './test-log.ts';
import { parseTrustedRoot, trustedLogAt } from './trusted-root.ts';

const { publicKey } = generateKeyPairSync('ed25519');

function logAt(url: string): ReturnType<typeof trustedLog> {
  return trustedLog({ origin: new URL(url).hostname, publicKey, validFrom: new Date(0), url });
}

const LOG = logAt('https://log.example.com:8443');
const VALID = JSON.parse(trustedRootJson(LOG));

describe('parseTrustedRoot', () => {
  it('gives the logs', () => {
    const [log] = parseTrustedRoot(trustedRootJson(LOG)).tlogs;
    expect(log?.baseURL).toBe('https://log.example.com:8443');
    expect(log?.publicKey.equals(publicKey)).toBe(true);
    expect(log?.logID).toEqual(checkpointKeyId({ origin: 'log.example.com', publicKey }));
  });

  it.each([
    ['one that names nothing', { ...VALID, tlogs: [] }, 0],
    ['the media type of v0.2', { ...VALID, mediaType: 'application/vnd.dev.sigstore.trustedroot.v0.2+json' }, 1],
    ['two logs', { ...VALID, tlogs: [LOG, logAt('https://other.example.com')] }, 2],
  ])('takes %s', (_what, root, count) => {
    expect(parseTrustedRoot(JSON.stringify(root)).tlogs).toHaveLength(count);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['an array', '[]'],
    ['an empty object', '{}'],
    ['a bundle', JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' })],
    ['a signing config', JSON.stringify({ ...VALID, mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json' })],
    ['a log without base URL', JSON.stringify({ ...VALID, tlogs: [{ ...LOG, baseUrl: undefined }] })],
    ['a log without id', JSON.stringify({ ...VALID, tlogs: [{ ...LOG, logId: undefined }] })],
    ['a log with an empty id', JSON.stringify({ ...VALID, tlogs: [{ ...LOG, logId: { keyId: '' } }] })],
    ['a log without key', JSON.stringify({ ...VALID, tlogs: [{ ...LOG, publicKey: undefined }] })],
    ['a log with half a key', JSON.stringify({ ...VALID, tlogs: [{ ...LOG, publicKey: { ...LOG.publicKey, rawBytes: 'MCowBQ==' } }] })],
    ['a log without a start', JSON.stringify({ ...VALID, tlogs: [{ ...LOG, publicKey: { ...LOG.publicKey, validFor: undefined } }] })],
    ['a log with an end alone', JSON.stringify({ ...VALID, tlogs: [{ ...LOG, publicKey: { ...LOG.publicKey, validFor: { end: '2027-01-01T00:00:00Z' } } }] })],
    ['one good log and one bad', JSON.stringify({ ...VALID, tlogs: [LOG, { ...LOG, publicKey: undefined }] })],
    ['an authority without certificates', JSON.stringify({ ...VALID, certificateAuthorities: [{ uri: 'https://ca.example.com' }] })],
  ])('refuses %s', (_what, text) => {
    expect(() => parseTrustedRoot(text)).toThrowError(expect.objectContaining({ kind: 'input', code: 'TRUSTED_ROOT_INVALID' }));
  });
});

describe('trustedLogAt', () => {
  const trust = parseTrustedRoot(trustedRootJson(LOG, logAt('http://[::1]:3000/'), logAt('https://log.example.com/base')));

  it.each([
    ['https://log.example.com:8443', 'log.example.com'],
    ['https://log.example.com:8443/', 'log.example.com'],
    ['https://log.example.com/base', 'log.example.com'],
    // Go's url.Hostname and the embedded log write an IPv6 origin without brackets.
    ['http://[::1]:3000', '::1'],
  ])('finds %s under the name %s', (url, origin) => {
    expect(trustedLogAt(trust, url)).toMatchObject({ origin, publicKey: expect.objectContaining({ type: 'public' }) });
  });

  it.each(['https://log.example.com', 'http://log.example.com:8443', 'https://log.example.com:8443/base', 'https://evil.example.com:8443', ''])(
    'knows no log at %j',
    (url) => {
      expect(trustedLogAt(trust, url)).toBeUndefined();
    },
  );
});
