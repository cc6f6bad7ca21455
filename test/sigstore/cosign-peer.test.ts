// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failures } from '../cosign/laptop.ts';
import { succeeded } from '../cosign/run-command.ts';
import { mintToken, SERVERS, TRUST } from './bed.ts';
import { type Cosign, openCosign } from './cosign.ts';
import { pushNewImage } from './images.ts';
import { type Judged, verifyByIdentity, verifyByPolicy } from './verify.ts';

const BOT = { namespace: 'build', serviceAccount: 'bot' };
const REKOR_V2 = ['--signing-config', TRUST.signingConfig];
const REKOR_V1 = ['--signing-config', TRUST.signingConfigV1];
const NO_SERVICE = ['--signing-config', TRUST.signingConfigNone];
const LEGACY = ['--new-bundle-format=false', '--use-signing-config=false'];
const LEGACY_SERVICES = ['--fulcio-url', SERVERS.fulcio, '--rekor-url', SERVERS.rekorV1, '--timestamp-server-url', SERVERS.tsa];

let folder: string;
let cosign: Cosign;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigstore-peer-'));
  cosign = await openCosign(join(folder, 'cosign'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** How cosign signs and verifies, and why `supply-chain verify` fails the rule about log entries; undefined where it passes. */
type Row = { what: string; by: 'key' | 'token'; sign: string[]; verify?: string[]; logged?: RegExp };

/** What our verifier makes of it today. */
const TODAY: Row[] = [
  { what: 'a key, Rekor v2 and a timestamp', by: 'key', sign: REKOR_V2 },
  { what: 'a key, Rekor v1 and a timestamp', by: 'key', sign: REKOR_V1 },
  { what: 'a key alone', by: 'key', sign: NO_SERVICE, verify: ['--insecure-ignore-tlog'], logged: /holds no transparency log entry/ },
  { what: 'Fulcio, Rekor v2 and a timestamp', by: 'token', sign: REKOR_V2 },
  { what: 'Fulcio, Rekor v1 and a timestamp', by: 'token', sign: REKOR_V1 },
  {
    what: 'a key, as a tag',
    by: 'key',
    sign: [...LEGACY, '--tlog-upload=false'],
    verify: ['--insecure-ignore-tlog'],
    logged: /holds no transparency log entry/,
  },
  { what: 'Fulcio, Rekor v1 and a timestamp, as a tag', by: 'token', sign: [...LEGACY, ...LEGACY_SERVICES] },
  { what: 'a key and Rekor v1, as a tag', by: 'key', sign: [...LEGACY, '--rekor-url', SERVERS.rekorV1] },
];

test.each(TODAY)('what cosign signs with $what, it verifies; ours judges it as it can', async ({ by, sign, verify, logged }) => {
  const image = await pushNewImage('peer');
  const signer = by === 'key' ? { key: true as const } : { token: await mintToken(BOT) };
  succeeded(await cosign.sign(image, signer, sign), 'cosign sign');
  succeeded(await cosign.verify(image, by === 'key' ? cosign : { serviceAccount: 'build/bot' }, verify), 'cosign verify');

  const judged = by === 'key' ? await verifyByPolicy(folder, image, cosign.publicKey) : await verifyByIdentity(folder, image, { serviceAccount: 'build/bot' });
  const loggedRule = by === 'key' ? 'signature-logged' : 'logged';
  const expected = logged ? { [loggedRule]: expect.stringMatching(logged) } : {};
  expect({ code: judged.code, failures: failures(judged.verdict) }).toEqual({ code: logged ? 20 : 0, failures: expected });
  expect(timeless(judged)).toBe(logged !== undefined);
});

/** Whether no piece of evidence has a time that somebody vouches for. */
function timeless({ verdict }: Judged): boolean {
  return verdict.evidence.every(({ time }) => time === undefined);
}

describe('keyless', () => {
  test.each([
    ['another service account', { serviceAccount: 'build/other' }, /expected SAN value/],
    ['another namespace', { serviceAccount: 'other/bot' }, /expected SAN value/],
    ['another issuer', { serviceAccount: 'build/bot', issuer: 'https://issuer.example.com' }, /expected issuer value/],
  ])('neither cosign nor ours takes it for that of %s', async (_what, expected, reason) => {
    const image = await pushNewImage('peer');
    succeeded(await cosign.sign(image, { token: await mintToken(BOT) }, REKOR_V2), 'cosign sign');
    const end = await cosign.verify(image, expected);
    expect({ refused: end.code !== 0, stderr: end.stderr }).toEqual({ refused: true, stderr: expect.stringMatching(reason) });
    const ours = await verifyByIdentity(folder, image, expected);
    const who = expect.stringMatching(/is signed by https:\/\/kubernetes\.io\/namespaces\/build\/serviceaccounts\/bot .*none of the trusted identities/);
    expect({ code: ours.code, failures: failures(ours.verdict) }).toEqual({ code: 20, failures: { signed: who, logged: who } });
  });

  test.each([
    ['for another audience', { ...BOT, audience: 'somebody-else' }],
    ['that has expired', { ...BOT, ttl: -60 }],
  ])('Fulcio gives nothing for a token %s', async (_what, request) => {
    const end = await cosign.sign(await pushNewImage('peer'), { token: await mintToken(request) }, REKOR_V2);
    expect({ refused: end.code !== 0, stderr: end.stderr }).toEqual({ refused: true, stderr: expect.stringContaining('Fulcio returned 400') });
  });

  test('Fulcio gives nothing for a token that somebody changed', async () => {
    const [header = '', , signature = ''] = (await mintToken(BOT)).split('.');
    const [, claims = ''] = (await mintToken({ ...BOT, serviceAccount: 'admin' })).split('.');
    const end = await cosign.sign(await pushNewImage('peer'), { token: [header, claims, signature].join('.') }, REKOR_V2);
    expect({ refused: end.code !== 0, stderr: end.stderr }).toEqual({ refused: true, stderr: expect.stringContaining('Fulcio returned 400') });
  });
});
