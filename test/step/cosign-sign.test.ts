// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { closeAll } from '../../lib/http/test-server.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { spec } from '../../tasks/cosign-sign/spec.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone, expectNoSecrets, REGISTRY_PASSWORD } from './expectations.ts';
import { REGISTRY_PROVOCATIONS, SOON_NEVER, testFailures } from './failures.ts';
import { rootWithAnotherKey } from './forge.ts';
import { FORMAT_PROVOCATIONS } from './format-provocations.ts';
import { bindToken, identityToken, KEYLESS_PROVOCATIONS, refusing, SECRET_TOKEN, trustWithConfig } from './keyless-provocations.ts';
import { KMS_PROVOCATIONS, pathWithKeeper } from './kms-provocations.ts';
import { runStep, type StepRun } from './spawn-step.ts';
import { logSize, standing } from './standing.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  await closeAll();
  await bench.close();
});
beforeEach(() => bench.calm());

function base({ workspaces, logUrl }: Bench, image: string): StepRun {
  const { trust, 'signing-key': key } = workspaces;
  return { task: 'cosign-sign', params: { image, 'rekor-url': logUrl, 'trusted-root': 'trusted_root.json' }, workspaces: { trust, 'signing-key': key } };
}

async function reportsWith(name: string, content: string): Promise<{ reports: string }> {
  const reports = await bench.folder('reports');
  await writeFile(join(reports, name), content);
  return { reports };
}

async function keyFolder(files: Record<string, string>): Promise<{ 'signing-key': string }> {
  const folder = await bench.folder('signing-key');
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return { 'signing-key': folder };
}

async function trustWith(content: string): Promise<{ trust: string }> {
  const trust = await bench.folder('trust');
  await writeFile(join(trust, 'trusted_root.json'), content);
  return { trust };
}

describe('cosign-sign', () => {
  test.each([
    { log: 'now', action: 'signed', referrer: 'signature, logged', entries: 1 },
    { log: 'later', action: 'pending', referrer: 'pending signature, it holds no transparency log entry', entries: 0 },
    { log: 'never', action: 'signed', referrer: 'signature, it holds no transparency log entry', entries: 0 },
  ])('log=$log signs once, and keeps what is there the second time', async ({ log, action, referrer, entries }) => {
    const image = await bench.pushImage(`team/${log}`);
    const before = await logSize(bench);
    const run = { ...base(bench, image), params: { ...base(bench, image).params, log } };
    const first = await runStep(run);
    expectDone(first, image);
    expect(first.results).toMatchObject({ action, 'log-index': log === 'now' ? String(before) : '' });
    const second = await runStep(run);
    expectDone(second, image);
    expect(second.results).toMatchObject({ action: 'kept', 'bundle-digest': first.results['bundle-digest'], 'log-index': first.results['log-index'] });
    expect(await standing(bench, image)).toEqual({ referrers: [referrer], logSize: before + entries });
  });

  test('log=now completes what log=later left', async () => {
    const image = await bench.pushImage('team/completed');
    const before = await logSize(bench);
    await runStep({ ...base(bench, image), params: { ...base(bench, image).params, log: 'later' } });
    const end = await runStep(base(bench, image));
    expectDone(end, image);
    expect(end.results['action']).toBe('signed');
    expect(await standing(bench, image)).toEqual({ referrers: ['signature, logged'], logSize: before + 1 });
  });

  test('attests a document with the digest that was asked for', async () => {
    const image = await bench.pushImage('team/attested');
    const report = JSON.stringify({ matches: [] });
    const params = { predicate: 'scan.json', 'predicate-type': 'vuln', 'predicate-digest': sha256Digest(report) };
    const { params: house, workspaces } = base(bench, image);
    const end = await runStep({
      task: 'cosign-sign',
      params: { ...house, ...params },
      workspaces: { ...workspaces, ...(await reportsWith('scan.json', report)) },
    });
    expectDone(end, image);
    expect((await standing(bench, image)).referrers).toEqual(['vuln, logged']);
  });

  test('a key that a program keeps signs without a workspace, and once', async () => {
    const image = await bench.pushImage('team/kept-elsewhere');
    const { path } = await pathWithKeeper(bench);
    const { params, workspaces } = base(bench, image);
    const run = {
      task: 'cosign-sign',
      params: { ...params, 'key-ref': 'drawer://top' },
      workspaces: { trust: workspaces?.['trust'] ?? '' },
      env: { PATH: path },
    } as const;
    const first = await runStep(run);
    expectDone(first, image);
    expect(first.results['action']).toBe('signed');
    expect((await runStep(run)).results).toMatchObject({ action: 'kept', 'bundle-digest': first.results['bundle-digest'] });
  });

  test('a registry login goes to the registry alone and is never shown', async () => {
    const image = await bench.pushImage('team/private');
    const authorization = `Basic ${Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64')}`;
    bench.wire.registry = ({ headers }) =>
      headers.authorization === authorization ? undefined : { kind: 'reply', status: 401, headers: { 'www-authenticate': 'Basic realm="bench"' } };
    const credentials = await bench.folder('credentials');
    const auths = { [bench.host]: { username: 'robot', password: REGISTRY_PASSWORD } };
    await writeFile(join(credentials, '.dockerconfigjson'), JSON.stringify({ auths }));
    const { workspaces } = base(bench, image);
    const end = await runStep({ ...base(bench, image), workspaces: { ...workspaces, 'registry-credentials': credentials } });
    expectDone(end, image);
  });

  test('a login that is not accepted is named by where it comes from, not by its secret', async () => {
    const image = await bench.pushImage('team/wrong-login');
    // A registry that repeats what it was sent must not make the step repeat it.
    bench.wire.registry = ({ headers }) => ({
      kind: 'reply',
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="bench"' },
      body: JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: `no login for ${headers.authorization}` }] }),
    });
    const credentials = await bench.folder('credentials');
    const auth = Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64');
    await writeFile(join(credentials, 'config.json'), JSON.stringify({ auths: { [bench.host]: { auth } } }));
    const { workspaces } = base(bench, image);
    const end = await runStep({ ...base(bench, image), workspaces: { ...workspaces, 'registry-credentials': credentials } });
    expect(end.code).toBe(77);
    expect(end.stderr).toContain(`docker config entry for ${bench.host}`);
    expectNoSecrets(end);
    expect(end.stderr).not.toContain(auth);
  });

  test('a token goes to Fulcio alone and is never shown, not even when Fulcio repeats it', async () => {
    const image = await bench.pushImage('team/token');
    const fulcio = await refusing(({ body }) => JSON.stringify({ message: `do not like ${body}` }));
    const trust = await trustWithConfig(bench, { fulcio: fulcio.url });
    const { params } = base(bench, image);
    const end = await runStep({
      task: 'cosign-sign',
      params: { ...params, 'rekor-url': '', 'signing-config': 'signing_config.json' },
      workspaces: { trust, 'identity-token': await bindToken(bench, identityToken()) },
    });
    expect(end).toMatchObject({ code: 77, results: { outcome: 'refused' } });
    expect(fulcio.seen[0]?.body.toString()).toContain(SECRET_TOKEN);
    for (const part of [...SECRET_TOKEN.split('.').slice(1), SECRET_TOKEN])
      expect([end.stdout, end.stderr, ...Object.values(end.results)].join()).not.toContain(part);
  });

  test('every wrong param is told at once, and nothing is sent', async () => {
    const params = { image: 'team/app:1', log: 'sometimes', 'rekor-url': 'ftp://log', timeout: 'soon', predicate: '/etc/passwd' };
    const end = await runStep({ task: 'cosign-sign', params });
    expect(end).toMatchObject({ code: 64, results: { outcome: 'input' } });
    for (const name of ['param image', 'param log', 'param rekor-url', 'param timeout', 'param predicate'])
      expect(end.stderr).toContain(`error:   - ${name}: `);
    expect(bench.requests).toEqual([]);
  });
});

describe('failures of cosign-sign', () => {
  testFailures(
    spec,
    {
      ...REGISTRY_PROVOCATIONS,
      ...KEYLESS_PROVOCATIONS,
      ...KMS_PROVOCATIONS,
      ...FORMAT_PROVOCATIONS,
      KEY_MISSING: async () => ({ workspaces: await keyFolder({}), names: 'cosign.key' }),
      KEY_PASSWORD_WRONG: async () => {
        const workspaces = await keyFolder({ 'cosign.password': 'guessed-wrongly' });
        await copyFile(join(bench.workspaces['signing-key'], 'cosign.key'), join(workspaces['signing-key'], 'cosign.key'));
        return { workspaces, names: /the password does not open key file cosign\.key/ };
      },
      KEY_INVALID: async () => ({
        workspaces: await keyFolder({ 'cosign.key': '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n' }),
        names: /key file cosign\.key is a PEM file of type "RSA PRIVATE KEY"/,
      }),
      KEY_UNSUPPORTED: async () => ({
        workspaces: await keyFolder({ 'cosign.key': generateKeyPairSync('ed448').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() }),
        names: /key file cosign\.key is a key of type ed448/,
      }),
      FILE_MISSING: async () => ({
        params: { predicate: 'sbom.json', 'predicate-type': 'cyclonedx' },
        workspaces: await reportsWith('other.json', '{}'),
        names: 'sbom.json',
      }),
      PREDICATE_DIGEST_MISMATCH: async () => {
        const whole = JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', components: [{ type: 'library', name: 'tiny' }] });
        return {
          params: { predicate: 'sbom.cdx.json', 'predicate-type': 'cyclonedx', 'predicate-digest': sha256Digest(whole) },
          workspaces: await reportsWith('sbom.cdx.json', whole.slice(0, 60)),
          names: /sbom\.cdx\.json has the digest sha256:[0-9a-f]{64}, and the param predicate-digest demands/,
        };
      },
      PREDICATE_INVALID: async () => ({
        params: { predicate: 'sbom.cdx.json', 'predicate-type': 'cyclonedx' },
        workspaces: await reportsWith('sbom.cdx.json', '{"bomFormat":"Cyc'),
        names: 'predicate file sbom.cdx.json is not JSON',
      }),
      REKOR_URL_MISSING: () => ({ params: { 'rekor-url': '' }, names: 'rekor-url' }),
      TRUSTED_ROOT_INVALID: async () => ({ workspaces: await trustWith('{"mediaType":"text/plain"}'), names: 'trusted-root' }),
      LOG_UNKNOWN: ({ logUrl }) => ({ params: { 'rekor-url': `${logUrl}/another` }, names: `${logUrl}/another` }),
      REKOR_REFUSED: ({ wire, logUrl }) => {
        wire.log = () => ({ kind: 'answer', status: 400, body: '{"code":3,"message":"invalid signature"}' });
        return { names: logUrl };
      },
      CHECKPOINT_UNTRUSTED: async ({ workspaces, logUrl }) => {
        return { workspaces: await trustWith(await rootWithAnotherKey(workspaces.trust)), names: new URL(logUrl).hostname };
      },
    },
    { bench: () => bench, base },
  );

  test.each([
    { what: 'throttled', fault: { kind: 'answer', status: 429, headers: SOON_NEVER } as const, code: 'HTTP_THROTTLED' },
    { what: 'in trouble', fault: { kind: 'answer', status: 502, headers: SOON_NEVER } as const, code: 'HTTP_SERVER_ERROR' },
  ])('a log that is $what leaves nothing behind', async ({ fault, code }) => {
    const image = await bench.pushImage(`failing/log-${code.toLowerCase().replaceAll('_', '-')}`);
    bench.wire.log = () => fault;
    const end = await runStep(base(bench, image));
    expect(end).toMatchObject({ code: 75, results: { outcome: 'transient', subject: image } });
    expect(end.stderr).toContain(`code=${code}`);
    expect(end.stderr).toContain(bench.logUrl);
    bench.calm();
    expect((await standing(bench, image)).referrers).toEqual([]);
  });
});
