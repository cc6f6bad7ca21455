// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StepError } from '../errors/errors.ts';
import { silentLogger } from '../log/log.ts';
import { createHttp } from './http.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './test-server.ts';

/** A self-signed certificate for localhost and 127.0.0.1, made for this test and trusted nowhere. */
const CERTIFICATE = pem('CERTIFICATE', [
  'MIIBmzCCAUGgAwIBAgIURbkld+vXJqzMd+WtX1tL/TqGB2EwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDIzNTUwMFoYDzIxMjYxMDMx',
  'MjM1NTAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARNZXecem/CQk9XBkPoHTTiz3SMxQ1tX03GzjGf28kE9/vruz6iDUNL',
  'vBz08AME/2cSPdVJ2pmUY6LSO6+YPIdao28wbTAdBgNVHQ4EFgQUkjTQwuA6i7lxXKqSSyt71JumKxcwHwYDVR0jBBgwFoAUkjTQwuA6i7lxXKqSSyt71JumKxcwDwYD',
  'VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwIDSAAwRQIgIV4Mlo8CPx9Ja+R3X7zLL2qwrbulagftsLbEp1eEZlcCIQDo',
  'atOrC7EAjSOWHJfC3j7PLRVVVRf3McaiGwxJJ/trBw==',
]);
const KEY = pem('PRIVATE KEY', [
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBHYXtl6cWSZREhHWw+/9+v4bKdW44kGCm5Bw1n32bbShRANCAARNZXecem/CQk9XBkPoHTTiz3SMxQ1t',
  'X03GzjGf28kE9/vruz6iDUNLvBz08AME/2cSPdVJ2pmUY6LSO6+YPIda',
]);

let server: ScriptedServer;
let plain: ScriptedServer;
let otherHost: ScriptedServer;

beforeAll(async () => {
  server = await startScriptedServer((_request, response) => response.end('over TLS'), { tls: { key: KEY, cert: CERTIFICATE } });
  otherHost = await startScriptedServer((_request, response) => response.end('never read'), { tls: { key: KEY, cert: CERTIFICATE }, host: '127.0.0.2' });
  plain = await startScriptedServer((_request, response) => response.end('plain'));
});

afterAll(async () => {
  await server.close();
  await plain.close();
  await otherHost.close();
});

function pem(type: string, parts: string[]): string {
  const lines = parts.join('').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${type}-----\n${lines.join('\n')}\n-----END ${type}-----\n`;
}

async function get(url: string, ca?: string, client?: { cert: string; key: string }): Promise<string | StepError> {
  const waits: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    waits.push(ms);
  };
  const http = createHttp({ log: silentLogger, env: {}, sleep, ...(ca !== undefined && { ca }), ...(client && { client }) });
  try {
    return (await (await http({ what: 'read it', url })).body()).toString();
  } catch (error) {
    expect(waits).toEqual([]);
    if (error instanceof StepError) return error;
    throw error;
  } finally {
    http.close();
  }
}

describe('TLS', () => {
  test('a certificate of the CA bundle is trusted', async () => {
    expect(await get(server.url, `some text\n${CERTIFICATE}`)).toBe('over TLS');
  });

  test('an unknown certificate is refused at once, with the param to set', async () => {
    const error = await get(server.url);
    expect(error).toMatchObject({ kind: 'refused', code: 'HTTP_TLS', hint: expect.stringContaining('ca-bundle') });
  });

  test('a certificate for another host is refused at once', async () => {
    expect(await get(otherHost.url.replace('127.0.0.1', '127.0.0.2'), CERTIFICATE)).toMatchObject({
      code: 'HTTP_TLS',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
  });

  test('a plain HTTP server is named as such, with the param to set', async () => {
    const error = await get(plain.url.replace('http:', 'https:'));
    expect(error).toMatchObject({ kind: 'refused', code: 'HTTP_TLS', hint: expect.stringContaining('insecure-registries') });
  });

  test.each(['', 'no certificate', KEY, CERTIFICATE.replace('MII', 'AAA')])('a CA bundle without a readable certificate is an input error', (ca) => {
    expect(() => createHttp({ log: silentLogger, ca })).toThrow(expect.objectContaining({ kind: 'input', code: 'CA_BUNDLE_INVALID' }));
  });

  test('a client certificate is shown to a server that asks, and who has none is refused at once', async () => {
    const script: Script = (_request, response) => response.end('known');
    const asking = await startScriptedServer(script, { tls: { key: KEY, cert: CERTIFICATE, ca: CERTIFICATE, requestCert: true } });
    expect(await get(asking.url, CERTIFICATE, { cert: CERTIFICATE, key: KEY })).toBe('known');
    expect(await get(asking.url, CERTIFICATE)).toMatchObject({ kind: 'refused', code: 'HTTP_TLS', hint: expect.stringContaining('client certificate') });
    await asking.close();
  });

  test.each([
    ['no certificate', { cert: 'none', key: KEY }],
    ['no key', { cert: CERTIFICATE, key: 'none' }],
    [
      'a key of another certificate',
      { cert: CERTIFICATE, key: String(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })) },
    ],
  ])('%s is an input error', (_, client) => {
    expect(() => createHttp({ log: silentLogger, client })).toThrow(expect.objectContaining({ kind: 'input', code: 'CLIENT_CERTIFICATE_INVALID' }));
  });
});
