// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHttp } from '../../lib/http/http.ts';
import { encodeStatement } from '../../lib/intoto/statement.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { signStatement } from '../../lib/sigstore/bundle.ts';
import { createRekorV1 } from '../../lib/sigstore/rekor-v1.ts';
import { newSigningKey } from '../../lib/sigstore/test-keys.ts';
import { parseTrustedRoot, trustedLogAt } from '../../lib/sigstore/trusted-root.ts';
import { listedReferrers } from '../cosign/images.ts';
import { succeeded } from '../cosign/run-command.ts';
import { SERVERS, signalDaemon, TRUST } from './bed.ts';
import { type Cosign, openCosign } from './cosign.ts';
import { pushNewImage } from './images.ts';
import { type Config, type Keyless, openKeyless } from './keyless.ts';
import { SBOM } from './steps.ts';

const BOT = { serviceAccount: 'build/bot' };
const OTHER = { serviceAccount: 'build/other' };
const CONFIGS: Config[] = ['v2', 'v1'];

let folder: string;
let cosign: Cosign;
let steps: Keyless;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigstore-keyless-'));
  cosign = await openCosign(join(folder, 'cosign'));
  steps = await openKeyless(join(folder, 'steps'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(CONFIGS)('keyless, Rekor %s', (config) => {
  test('cosign accepts signature and attestation for the identity and for no other; running again adds nothing', async () => {
    const image = await pushNewImage('keyless');
    const signed = [await steps.sign(image, BOT, config), await steps.sign(image, BOT, config, SBOM)];
    for (const { token, stdout, stderr, results, ...end } of signed) {
      expect({ ...end, action: results['action'], index: results['log-index'] }).toMatchObject({
        code: 0,
        action: 'signed',
        index: expect.stringMatching(/^\d+$/),
      });
      const said = [stdout, stderr, ...Object.values(results)].join('\n');
      for (const part of token.split('.').slice(1)) expect(said).not.toContain(part);
    }
    succeeded(await cosign.verify(image, BOT), 'cosign verify');
    succeeded(await cosign.verifyAttestation(image, 'cyclonedx', BOT), 'cosign verify-attestation');
    for (const refused of [await cosign.verify(image, OTHER), await cosign.verifyAttestation(image, 'cyclonedx', OTHER)])
      expect({ refused: refused.code !== 0, stderr: refused.stderr }).toEqual({ refused: true, stderr: expect.stringMatching(/expected SAN value/) });
    expect((await cosign.verify(image, { ...BOT, issuer: 'https://issuer.example.com' })).stderr).toMatch(/expected issuer value/);

    const listed = await listedReferrers(image);
    expect(listed).toEqual(signed.map(({ results }) => results['bundle-digest']).sort());
    const again = [await steps.sign(image, BOT, config), await steps.sign(image, BOT, config, SBOM)];
    expect(again).toMatchObject(signed.map(({ results }) => ({ code: 0, results: { ...results, action: 'kept' } })));
    expect(await listedReferrers(image)).toEqual(listed);
  });

  test('a signature of somebody else is not kept in place of ours, and both stand', async () => {
    const image = await pushNewImage('two-identities');
    const ends = [await steps.sign(image, BOT, config), await steps.sign(image, OTHER, config)];
    expect(ends).toMatchObject([
      { code: 0, results: { action: 'signed' } },
      { code: 0, results: { action: 'signed' } },
    ]);
    for (const who of [BOT, OTHER]) succeeded(await cosign.verify(image, who), `cosign verify ${who.serviceAccount}`);
    expect(await listedReferrers(image)).toHaveLength(2);
  });

  test('two runs at once end with what both published', async () => {
    const image = await pushNewImage('at-once');
    const ends = await Promise.all([steps.sign(image, BOT, config), steps.sign(image, OTHER, config, SBOM)]);
    expect(ends).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(await listedReferrers(image)).toEqual(ends.map(({ results }) => results['bundle-digest']).sort());
    succeeded(await cosign.verify(image, BOT), 'cosign verify');
    succeeded(await cosign.verifyAttestation(image, 'cyclonedx', OTHER), 'cosign verify-attestation');
  });

  test('a key signs with a timestamp: cosign accepts it with its time', async () => {
    const image = await pushNewImage('key-and-time');
    expect(await steps.sign(image, { key: true }, config)).toMatchObject({ code: 0, results: { action: 'signed' } });
    succeeded(await cosign.verify(image, steps, ['--use-signed-timestamps']), 'cosign verify');
    const undated = await pushNewImage('key-without-time');
    expect(await steps.sign(undated, { key: true }, config, { 'signing-config': '', 'rekor-url': SERVERS.rekorV2 })).toMatchObject({ code: 0 });
    expect(await cosign.verify(undated, steps, ['--use-signed-timestamps'])).not.toMatchObject({ code: 0 });
    expect(await cosign.verify(image, cosign, ['--use-signed-timestamps'])).not.toMatchObject({ code: 0 });
    expect(await steps.sign(image, { key: true }, config)).toMatchObject({ code: 0, results: { action: 'kept' } });
  });
});

test('what cosign signed for the same identity is kept', async () => {
  const image = await pushNewImage('cosign-first');
  const { token } = await steps.sign(await pushNewImage('token'), BOT, 'v2');
  succeeded(await cosign.sign(image, { token }, ['--signing-config', join(steps.trust, 'v2.json')]), 'cosign sign');
  const listed = await listedReferrers(image);
  expect(await steps.sign(image, OTHER, 'v2', { log: 'never' })).toMatchObject({ results: { action: 'signed' } });
  const end = await steps.sign(image, BOT, 'v2');
  expect(end).toMatchObject({ code: 0 });
  expect([end.results['action'], listed.includes(end.results['bundle-digest'] ?? '')]).toEqual(['kept', true]);
});

describe('log=later', () => {
  test('the timestamp dates a keyless signature, and rekor-upload logs it when the certificate has had its time', async () => {
    const image = await pushNewImage('keyless-later');
    expect(await steps.sign(image, BOT, 'v2', { log: 'later' })).toMatchObject({ code: 0, results: { action: 'pending', 'log-index': '' } });
    expect(await cosign.verify(image, BOT, ['--insecure-ignore-tlog'])).not.toMatchObject({ code: 0 });
    expect(await steps.sign(image, BOT, 'v2', { log: 'later' })).toMatchObject({ code: 0, results: { action: 'kept' } });
    expect(await steps.upload(image)).toMatchObject({ code: 0, results: { completed: '1', proved: '1' } });
    succeeded(await cosign.verify(image, BOT), 'cosign verify');
    expect(await steps.sign(image, BOT, 'v2')).toMatchObject({ code: 0, results: { action: 'kept' } });
    expect(await listedReferrers(image)).toHaveLength(1);
  });

  test('log=now completes what is pending', async () => {
    const image = await pushNewImage('keyless-completed');
    await steps.sign(image, BOT, 'v2', { log: 'later' });
    expect(await steps.sign(image, BOT, 'v2')).toMatchObject({ code: 0, results: { action: 'signed' } });
    succeeded(await cosign.verify(image, BOT), 'cosign verify');
    expect(await listedReferrers(image)).toHaveLength(1);
  });

  test('Rekor v1 needs the certificate while it is valid: refused before anything is sent', async () => {
    const image = await pushNewImage('keyless-later-v1');
    const end = await steps.sign(image, BOT, 'v1', { log: 'later' });
    expect(end).toMatchObject({ code: 64, results: { outcome: 'input' } });
    expect(end.stderr).toContain('code=LOG_LATER_IMPOSSIBLE');
    expect(await listedReferrers(image)).toEqual([]);
  });
});

describe('a trusted root that does not vouch for a service: denied, and nothing published', () => {
  test.each([
    ['certificateAuthorities', 'CERTIFICATE_INVALID', 20],
    ['ctlogs', 'CERTIFICATE_INVALID', 20],
    ['timestampAuthorities', 'CERTIFICATE_UNTIMED', 20],
    ['tlogs', 'LOG_UNKNOWN', 64],
  ])('without its %s', async (part, code, exit) => {
    const image = await pushNewImage('distrusted');
    const root = JSON.parse(await readFile(TRUST.trustedRoot, 'utf8'));
    await writeFile(join(steps.trust, `without-${part}.json`), JSON.stringify({ ...root, [part]: [] }));
    const end = await steps.sign(image, BOT, 'v2', { 'trusted-root': `without-${part}.json` });
    expect({ code: end.code, said: end.stderr }).toEqual({ code: exit, said: expect.stringContaining(`code=${code}`) });
    expect(await listedReferrers(image)).toEqual([]);
  });
});

test('Rekor v1 takes the same entry once; the second answer is the first entry', async () => {
  const trust = parseTrustedRoot(await readFile(TRUST.trustedRoot, 'utf8'));
  const logKey = trustedLogAt(trust, SERVERS.rekorV1);
  const { privateKey, key: publicKey } = newSigningKey('release');
  const bundle = signStatement(encodeStatement([{ sha256: 'a'.repeat(64) }], 'https://example.com/predicate', {}), privateKey);
  const http = createHttp({ log: silentLogger });
  const { add } = createRekorV1({ http, url: SERVERS.rekorV1, ...(logKey && { logKey }) });
  const entry = { digest: Buffer.alloc(0), signature: bundle.signature, publicKey, envelope: bundle };
  const [first, second] = [await add(entry), await add(entry)] as { logIndex: string; canonicalizedBody: string }[];
  http.close();
  expect([second?.logIndex, second?.canonicalizedBody]).toEqual([first?.logIndex, first?.canonicalizedBody]);
});

describe('a service that does not answer', () => {
  test.each([
    ['fulcio', 'v2'],
    ['tsa', 'v2'],
    ['rekor-v1', 'v1'],
  ] as const)('%s: a transient end, nothing published, and the same command later signs once', async (daemon, config) => {
    const image = await pushNewImage('keyless-outage');
    await signalDaemon(daemon, 'SIGSTOP');
    const end = await steps.sign(image, BOT, config, { timeout: '4s' }).finally(() => signalDaemon(daemon, 'SIGCONT'));
    expect(end).toMatchObject({ code: 75, results: { outcome: 'transient' } });
    expect(await listedReferrers(image)).toEqual([]);
    expect(await steps.sign(image, BOT, config)).toMatchObject({ code: 0, results: { action: 'signed' } });
    succeeded(await cosign.verify(image, BOT), 'cosign verify');
  });
});
