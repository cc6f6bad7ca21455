// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { testClient } from '../http/test-server.ts';
import { stackTrust } from '../sigstore/test-real-stack.ts';
import type { LogMode } from './attest.ts';
import { openServices } from './open-services.ts';

const trust = stackTrust();
const trusted = trust.tlogs.map(({ baseURL }) => baseURL);

function config(logs: [url: string, version: number][], selector = 'ALL'): string {
  const service = (url: string, majorApiVersion: number) => ({ url, majorApiVersion, operator: url, validFor: { start: '2026-01-01T00:00:00Z' } });
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [service('https://fulcio.example.com', 1)],
    rekorTlogUrls: logs.map(([url, version]) => service(url, version)),
    rekorTlogConfig: { selector },
    tsaUrls: [service('https://tsa.example.com/a', 1), service('https://tsa.example.com/b', 1)],
    tsaConfig: { selector: 'EXACT', count: 2 },
  });
}

function open(options: { mode?: LogMode; url?: string; config?: string; trusts?: boolean }): ReturnType<typeof openServices> {
  const { mode = 'now', url, config: text, trusts = true } = options;
  return openServices({ http: testClient(), mode, url, config: text, trust: trusts ? trust : undefined, now: new Date('2026-08-15T12:00:00Z') });
}

const ELSEWHERE: [string, number] = ['https://rekor.example.com', 2];

describe('openServices', () => {
  it('opens all that the config chooses; Rekor v1 dates its entries', () => {
    const services = open({ config: config(trusted.map((url): [string, number] => [url, 1])) });
    expect(services).toMatchObject({ fulcio: 'https://fulcio.example.com', rekor: { datesEntries: true } });
    expect([services.furtherLogs.length, services.authorities.length]).toEqual([trusted.length - 1, 2]);
    expect(open({ config: config([[trusted[0] ?? '', 2]]) }).rekor?.datesEntries).toBeUndefined();
  });

  it('without a config there is the log at the URL, and nothing else', () => {
    expect(open({ url: trusted[0] ?? '' })).toMatchObject({ rekor: {}, furtherLogs: [], authorities: [], fulcio: undefined });
    expect(open({ mode: 'later' })).toMatchObject({ rekor: undefined });
  });

  it('a config that chooses the log at the URL decides about the rest', () => {
    const services = open({ url: `${trusted[0]}/`, config: config([[trusted[0] ?? '', 1]]) });
    expect(services).toMatchObject({ fulcio: 'https://fulcio.example.com', rekor: { datesEntries: true } });
  });

  it.each([
    ['a log that the trusted root does not name', { config: config([ELSEWHERE]) }, 'LOG_UNKNOWN'],
    ['one such log beside another', { config: config([[trusted[0] ?? '', 2], ELSEWHERE]) }, 'LOG_UNKNOWN'],
    ['log=now and no log', { config: config([]) }, 'REKOR_URL_MISSING'],
    ['log=now, no log and no config', {}, 'REKOR_URL_MISSING'],
    ['a URL and a config without a log', { url: trusted[0] ?? '', config: config([]) }, 'SIGNING_CONFIG_CONFLICT'],
    ['a URL and a config with another log', { url: trusted[0] ?? '', config: config([ELSEWHERE]) }, 'SIGNING_CONFIG_CONFLICT'],
    ['a config that is none', { config: '{}' }, 'SIGNING_CONFIG_INVALID'],
  ])('refuses %s', (_what, options, code) => {
    expect(() => open(options)).toThrowError(expect.objectContaining({ kind: 'input', code }));
  });

  it.each(['later', 'never'] as const)('log=%s: the log is not asked for its name in the trusted root, because nothing goes there now', (mode) => {
    expect(open({ mode, config: config([ELSEWHERE]) }).rekor).toBeDefined();
  });

  it('without a trusted root every log will do', () => {
    expect(open({ trusts: false, config: config([ELSEWHERE]) }).rekor).toBeDefined();
  });
});
