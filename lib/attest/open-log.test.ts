// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lyingLog, startTestLog, type TestLog } from '../sigstore/test-log.ts';
import type { LogMode } from './attest.ts';
import { openLog } from './open-log.ts';

let log: TestLog;
beforeAll(async () => {
  log = await startTestLog();
});
afterAll(() => log.close());

const stranger = lyingLog();

describe('openLog', () => {
  it.each(['now', 'later', 'never'] as const)('log=%s: opens the log that the trusted root names, with its key', async (mode) => {
    const rekor = openLog({ http: log.http, mode, url: `${log.running.url}/`, trust: log.trust });
    expect(await rekor?.checkpoint()).toMatchObject({ origin: '127.0.0.1', size: 0 });
  });

  it('believes no other key than that of the trusted root', async () => {
    const [genuine] = log.trust.tlogs;
    if (!genuine) throw new Error('there is no log');
    const trust = { ...log.trust, tlogs: [{ ...genuine, publicKey: stranger.logKey.publicKey }] };
    const rekor = openLog({ http: log.http, mode: 'now', url: log.running.url, trust });
    await expect(rekor?.checkpoint()).rejects.toMatchObject({ kind: 'denied', code: 'CHECKPOINT_UNTRUSTED' });
  });

  it('opens a log without a trusted root', async () => {
    const rekor = openLog({ http: log.http, mode: 'now', url: log.running.url, trust: undefined });
    expect(await rekor?.checkpoint()).toMatchObject({ size: 0 });
  });

  it.each(['later', 'never'] as const)('log=%s needs no log', (mode: LogMode) => {
    expect(openLog({ http: log.http, mode, url: undefined, trust: log.trust })).toBeUndefined();
    expect(openLog({ http: log.http, mode, url: log.running.url, trust: stranger.trust })).toBeDefined();
  });

  it.each([
    ['no URL', () => undefined, 'REKOR_URL_MISSING'],
    ['a log that the trusted root does not name', () => 'https://rekor.example.com', 'LOG_UNKNOWN'],
    ['a log at another port', () => `${log.running.url}0`, 'LOG_UNKNOWN'],
  ])('log=now is refused for %s', (_what, url, code) => {
    expect(() => openLog({ http: log.http, mode: 'now', url: url(), trust: log.trust })).toThrowError(expect.objectContaining({ kind: 'input', code }));
  });
});
