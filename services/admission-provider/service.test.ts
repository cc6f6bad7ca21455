// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { formatReference } from '../../lib/reference/reference.ts';
import { readConfig } from './config.ts';
import { MAX_BODY_BYTES, PROTOCOL_VERSION } from './protocol.ts';
import { runService } from './service.ts';
import { gatekeeperCa, gatekeeperPair, otherCa, otherPair, renewedPair, serverCa, serverPair, strangerPair } from './test-certificates.ts';
import { type Client, keyOf, openClient, openSetting, POLICY, type Setting } from './test-setting.ts';

let setting: Setting;
let stop: AbortController;
let closing: (() => void | Promise<void>)[];
beforeEach(async () => {
  setting = await openSetting();
  stop = new AbortController();
  closing = [];
});
afterEach(async () => {
  stop.abort();
  for (const close of closing.toReversed()) await close();
  await setting.close();
});

type Running = {
  port: number;
  lines: string[];
  client(options?: Parameters<typeof openClient>[1]): Client;
  ended: Promise<void>;
  health(path: string): Promise<string>;
};

/** The service in this process, with quick reloads. */
async function start(...flags: string[]): Promise<Running> {
  const lines: string[] = [];
  const note = (message: string, fields: object = {}) => lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { info: note, warn: note, error: note, progress: note };
  const config = readConfig([...setting.args, '--reload=20ms', '--drain=1ms', ...flags], {});
  let ended: Promise<void> = Promise.resolve();
  const ports = await new Promise<{ provider: number; health: number }>((resolve, reject) => {
    ended = runService({ config, env: {}, log, signal: stop.signal, onListening: resolve });
    ended.catch(reject);
  });
  closing.push(async () => {
    stop.abort();
    await ended.catch(() => {});
  });
  return {
    port: ports.provider,
    lines,
    ended,
    client(options) {
      const client = openClient(ports.provider, options);
      closing.push(() => client.close());
      return client;
    },
    health: (path) => readPlain(ports.health, path),
  };
}

function readPlain(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: new Agent({ keepAlive: false }) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(`${response.statusCode} ${text}`));
    }).on('error', reject);
  });
}

describe('the provider', () => {
  test('answers a batch of keys each by its own, on one connection that it keeps', async () => {
    const { client, health } = await start();
    const [good, bad] = [formatReference(await setting.signedImage()), formatReference(await setting.laptop.image())];
    const gatekeeper = client();
    const first = await gatekeeper.ask([good, bad, 'UPPER', good]);
    expect(first).toMatchObject({ status: 200, response: { idempotent: true, systemError: '' } });
    expect(first.response.items).toMatchObject([
      { key: keyOf(good), value: { verdict: 'passed' } },
      { key: keyOf(bad), value: { verdict: 'failed' } },
      { key: keyOf('UPPER'), error: expect.stringContaining('REFERENCE_INVALID') },
    ]);
    const second = await gatekeeper.ask([good]);
    expect(second.port).toBe(first.port);
    expect(second.connection).toBe('keep-alive');
    const metrics = await health('/metrics');
    for (const line of [
      'keys_total{answer="passed"} 2',
      'keys_total{answer="failed"} 1',
      'keys_total{answer="error"} 1',
      'lookups_total{way="hit"} 1',
      'policy_good 1',
      'cache_entries 2',
    ])
      expect(metrics).toContain(`admission_provider_${line}`);
  });

  test('pins tags for the mutation', async () => {
    const { client } = await start();
    const image = await setting.signedImage();
    const answer = await client().ask([formatReference(image)], '/mutate');
    expect(answer.response).toEqual({ idempotent: true, items: [{ key: formatReference(image), value: formatReference(image) }], systemError: '' });
  });

  test('says what is down, without items, and has forgotten it when it is up again', async () => {
    const { client, health } = await start();
    const [good, other] = [formatReference(await setting.signedImage()), formatReference(await setting.signedImage())];
    const gatekeeper = client();
    await gatekeeper.ask([other]);
    setting.laptop.faults.registry = () => ({ kind: 'cut' });
    const down = await gatekeeper.ask([good, other]);
    expect(down).toMatchObject({ status: 200, response: { items: [], systemError: expect.stringMatching(/HTTP_UNREACHABLE: cannot read manifest/) } });
    expect((await gatekeeper.ask([other])).response.items).toMatchObject([{ value: { verdict: 'passed' } }]);
    setting.laptop.faults.registry = undefined;
    expect((await gatekeeper.ask([good])).response.items).toMatchObject([{ value: { verdict: 'passed' } }]);
    expect(await health('/metrics')).toContain('faults_total{code="HTTP_UNREACHABLE"}');
  });

  test('answers before Gatekeeper gives up on a slow registry, and has the verdict the next time', async () => {
    const { client } = await start('--deadline=200ms');
    const good = formatReference(await setting.signedImage());
    setting.laptop.faults.registry = () => ({ kind: 'delay', ms: 150 });
    const started = performance.now();
    const late = await client().ask([good]);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(late.response).toMatchObject({ items: [], systemError: expect.stringContaining('DEADLINE: no verdict within 0.2 s') });
    await vi.waitFor(async () => expect((await client().ask([good])).response.items).toMatchObject([{ value: { verdict: 'passed' } }]), {
      timeout: 10_000,
      interval: 100,
    });
  });

  test.each([
    ['another path', '/', 'POST', '{}', 404, 'it has /validate and /summary and /mutate'],
    ['a longer path', '/validate?key=a', 'POST', '{}', 404, 'there is nothing at this path'],
    ['another method', '/validate', 'PUT', '{}', 405, 'POST a ProviderRequest'],
    ['no JSON', '/validate', 'POST', '{', 400, 'REQUEST_INVALID'],
    ['another kind', '/validate', 'POST', '{"apiVersion": "v1", "kind": "Pod"}', 400, PROTOCOL_VERSION],
    ['too much', '/validate', 'POST', ' '.repeat(MAX_BODY_BYTES + 1), 413, 'larger than 1048576 bytes'],
  ])('answers %s without items', async (_what, path, method, body, status, problem) => {
    const { client } = await start();
    const answer = await client().send(path, body, method);
    expect(answer).toMatchObject({ status, response: { items: [], systemError: expect.stringContaining(problem) } });
  });
});

describe('who is let in', () => {
  test.each([
    ['without a certificate', { pair: undefined }],
    ['with the certificate of another Gatekeeper', { pair: otherPair }],
    ['with the certificate of the server', { pair: serverPair }],
    ['with TLS 1.2', { maxVersion: 'TLSv1.2' as const }],
  ])('nobody %s', async (_what, options) => {
    const { client, health } = await start();
    await expect(client(options).ask(['a'])).rejects.toMatchObject({ code: expect.stringMatching(/ERR_SSL|ECONNRESET|EPIPE|EPROTO/) });
    await vi.waitFor(async () => expect(await health('/metrics')).toMatch(/clients_refused_total\{reason="[A-Z_0-9]+"\} 1/));
  });

  test('nobody with a certificate of the CA for another name', async () => {
    const { client } = await start();
    const answer = await client({ pair: strangerPair }).ask(['a']);
    expect(answer).toMatchObject({ status: 403, response: { items: [], systemError: expect.stringContaining('"somebody-else"') } });
  });
});

describe('rotation', () => {
  test('of the certificate: new connections meet the new one, open ones end with their next answer', async () => {
    const { client, lines } = await start();
    const gatekeeper = client();
    const before = await gatekeeper.ask([]);
    await setting.write('tls/tls.key', renewedPair.key);
    await vi.waitFor(() => expect(lines.join('\n')).toContain('does not belong to the certificate'));
    expect((await gatekeeper.ask([])).connection).toBe('keep-alive');
    await setting.write('tls/tls.crt', renewedPair.cert);
    await vi.waitFor(() => expect(lines.join('\n')).toContain('has a new certificate'));
    expect(await gatekeeper.ask([])).toMatchObject({ port: before.port, connection: 'close' });
    expect((await gatekeeper.ask([])).port).not.toBe(before.port);
  });

  test('of the client CA: who was let in by the old one is not let in again', async () => {
    const { client, lines } = await start();
    const [old, fresh] = [client(), client({ pair: otherPair })];
    await old.ask([]);
    await setting.write('gatekeeper/ca.crt', otherCa);
    await vi.waitFor(() => expect(lines.join('\n')).toContain('has a new certificate or client CA'));
    expect((await old.ask([])).connection).toBe('close');
    await expect(old.ask([])).rejects.toThrow();
    expect((await fresh.ask([])).status).toBe(200);
  });

  test('of the policy: verdicts by the old one are forgotten, and one that is broken lets nothing in', async () => {
    const { client, health, lines } = await start();
    const good = formatReference(await setting.signedImage());
    const gatekeeper = client();
    expect((await gatekeeper.ask([good])).response.items).toMatchObject([{ value: { verdict: 'passed' } }]);
    await setting.write('policy/policy.yaml', POLICY.replace('level: warn, ', ''));
    await vi.waitFor(async () => expect((await gatekeeper.ask([good])).response.items).toMatchObject([{ value: { verdict: 'failed' } }]));
    await setting.write('policy/policy.yaml', 'rules: [');
    await vi.waitFor(async () =>
      expect((await gatekeeper.ask([good])).response).toMatchObject({ items: [], systemError: expect.stringContaining('POLICY_UNUSABLE') }),
    );
    expect(await health('/readyz')).toMatch(/^200 nothing is admitted: POLICY_INVALID/);
    expect(await health('/metrics')).toContain('admission_provider_policy_good 0');
    expect(lines.join('\n')).toContain('nothing is admitted');
  });
});

describe('the life of the process', () => {
  test('is ready with policy and certificate, and never was without a policy', async () => {
    const { health } = await start();
    expect([await health('/readyz'), await health('/healthz'), await health('/'), await health('/metrics')]).toEqual([
      '200 ready\n',
      '200 ok\n',
      '404 not found\n',
      expect.stringMatching(/certificate_expires_seconds [1-9]/),
    ]);
  });

  test('starts with a broken policy, is not ready, and becomes it', async () => {
    await setting.write('policy/policy.yaml', 'rules: [');
    const { health, client } = await start();
    expect(await health('/readyz')).toMatch(/^503 nothing is admitted: POLICY_INVALID/);
    expect((await client().ask(['a'])).response).toMatchObject({ items: [], systemError: expect.stringContaining('POLICY_UNUSABLE') });
    await setting.write('policy/policy.yaml', POLICY);
    await vi.waitFor(async () => expect(await health('/readyz')).toBe('200 ready\n'));
  });

  test.each([
    ['no key', 'tls/tls.key', '', 'TLS_INVALID'],
    ['the key of somebody else', 'tls/tls.key', gatekeeperPair.key, 'TLS_INVALID'],
    ['a leaf for the client CA', 'gatekeeper/ca.crt', gatekeeperPair.cert, 'TLS_INVALID'],
    ['no certificate', 'tls/tls.crt', gatekeeperCa.slice(0, 200), 'TLS_INVALID'],
  ])('does not start with %s', async (_what, path, text, code) => {
    await setting.write(path, text);
    await expect(start()).rejects.toMatchObject({ kind: 'input', code });
  });

  test('ends on a signal: not ready, open connections close with their answer, nobody is cut off', async () => {
    const { client, health, ended } = await start('--drain=300ms');
    const gatekeeper = client();
    await gatekeeper.ask([]);
    stop.abort();
    await vi.waitFor(async () => expect(await health('/readyz')).toBe('503 stopping\n'));
    expect(await gatekeeper.ask([])).toMatchObject({ status: 200, connection: 'close' });
    await ended;
    await expect(gatekeeper.ask([])).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

test('the certificates of the tests are what they say', async () => {
  expect(await readFile(join(setting.root, 'gatekeeper/ca.crt'), 'utf8')).toBe(gatekeeperCa);
  expect(new Set([serverCa, gatekeeperCa, otherCa]).size).toBe(3);
});
