// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scrub } from '../log/redact.ts';
import { DOCKER_HUB } from '../reference/reference.ts';
import { parseChallenges } from './challenge.ts';
import { dockerCredentials, parseDockerConfig } from './credentials.ts';
import { allowsPlainHttp, registryBase } from './endpoint.ts';
import { tokenRealm } from './realm.ts';

describe('parseChallenges', () => {
  test.each<[string | undefined, unknown]>([
    [undefined, []],
    ['', []],
    ['Basic realm="r"', [{ scheme: 'basic', params: { realm: 'r' } }]],
    ['Bearer realm="https://t/x?a=b,c",service=s, scope="a,b"', [{ scheme: 'bearer', params: { realm: 'https://t/x?a=b,c', service: 's', scope: 'a,b' } }]],
    ['BEARER Realm = "q\\"uote"', [{ scheme: 'bearer', params: { realm: 'q"uote' } }]],
    [
      'Negotiate, Basic realm="r", Bearer realm="t"',
      [
        { scheme: 'negotiate', params: {} },
        { scheme: 'basic', params: { realm: 'r' } },
        { scheme: 'bearer', params: { realm: 't' } },
      ],
    ],
    ['Bearer realm="never closed', [{ scheme: 'bearer', params: { realm: 'never closed' } }]],
    ['realm="r"', [{ scheme: 'realm', params: {} }]],
    ['="x"', []],
    [`Bearer realm="${'x'.repeat(9000)}"`, []],
  ])('%j', (header, expected) => {
    expect(JSON.parse(JSON.stringify(parseChallenges(header)))).toEqual(expected);
  });

  test('a parameter named like an object member is only a parameter', () => {
    expect(parseChallenges('Bearer __proto__="x", constructor="y"')[0]?.params['constructor']).toBe('y');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('random bytes neither throw nor hang', () => {
    const alphabet = 'Bearer realm="\\,= \t\u0000é';
    let seed = 7;
    for (let round = 0; round < 2000; round += 1) {
      const text = Array.from({ length: 40 }, () => {
        seed = (seed * 48_271) % 2_147_483_647;
        return alphabet[seed % alphabet.length];
      }).join('');
      expect(parseChallenges(text).length).toBeLessThanOrEqual(40);
    }
  });
});

describe('tokenRealm', () => {
  test.each([
    ['https://auth.example.com/token', 'r.example.com', []],
    ['http://127.0.0.1:9/token', '127.0.0.1:5000', []],
    ['http://auth.example.com/token', 'r.example.com', ['auth.example.com']],
  ])('%s for %s is accepted', (realm, registry, insecure) => {
    expect(tokenRealm(realm, registry, insecure).href).toBe(realm);
  });

  test.each([
    ['http://auth.example.com/token', 'r.example.com', ['r.example.com']],
    ['https://127.0.0.1/token', 'r.example.com', []],
    ['http://localhost:8080/token', 'r.example.com', []],
    ['https://[::1]/token', 'r.example.com', []],
    ['https://u@auth.example.com/', 'r.example.com', []],
    ['javascript:alert(1)', 'r.example.com', []],
    ['//auth.example.com', 'r.example.com', []],
    [`https://auth.example.com/${'x'.repeat(3000)}`, 'r.example.com', []],
    ['https://auth.example.com\\@evil.example.com/', 'r.example.com', []],
    [undefined, 'r.example.com', []],
  ])('%s for %s is refused', (realm, registry, insecure) => {
    expect(() => tokenRealm(realm, registry, insecure)).toThrow(expect.objectContaining({ kind: 'refused', code: 'REGISTRY_REALM_REFUSED' }));
  });
});

describe('plain HTTP', () => {
  test.each([
    ['localhost:5000', true],
    ['127.0.0.1', true],
    ['127.8.9.1:80', true],
    ['[::1]:5000', true],
    ['R.example.com:5000', true],
    ['r.example.com', false],
    ['127.0.0.1.example.com', false],
    ['localhost.example.com', false],
    ['r.example.com:5001', false],
  ])('%s: %s', (host, allowed) => {
    expect(allowsPlainHttp(host, ['r.example.com:5000'])).toBe(allowed);
    expect(registryBase(host, ['r.example.com:5000'])).toBe(`${allowed ? 'http' : 'https'}://${host}`);
  });
});

describe('docker config', () => {
  const auth = (user: string): string => Buffer.from(`${user}:pass:of-${user}`).toString('base64');
  const config = {
    auths: {
      [`https://${DOCKER_HUB}/v1/`]: { auth: auth('hub') },
      'r.example.com': { auth: auth('host') },
      'r.example.com/team': { username: 'team', password: 'team-password' },
      'https://t.example.com/v2/': { identitytoken: 'identity-token-value' },
      'u.example.com:5000': { registrytoken: 'registry-token-value' },
      'empty.example.com': {},
      '*.reg.example.com:5000': { auth: auth('pattern') },
      'my.reg.example.com:5000': { auth: auth('exact') },
      'a*c*e.example.com': { auth: auth('parts') },
      'r.example.com/team/deep': { auth: auth('deep') },
    },
    credHelpers: { 'ecr.example.com': 'ecr-login', 'r.example.com': 'unused' },
  };
  const credentials = parseDockerConfig(Buffer.from(JSON.stringify(config)), 'test');

  test.each([
    ['r.example.com', 'app', { kind: 'password', username: 'host', password: 'pass:of-host' }],
    ['R.example.com', 'app', { kind: 'password', username: 'host' }],
    ['r.example.com', 'team/app', { kind: 'password', username: 'team' }],
    ['r.example.com', 'teammate/app', { kind: 'password', username: 'host' }],
    [DOCKER_HUB, 'library/alpine', { kind: 'password', username: 'hub' }],
    ['t.example.com', 'app', { kind: 'identity-token' }],
    ['u.example.com:5000', 'app', { kind: 'registry-token' }],
    ['u.example.com', 'app', { kind: 'anonymous', name: 'anonymous' }],
    ['r.example.com.evil.example', 'app', { kind: 'anonymous' }],
    ['empty.example.com', 'app', { kind: 'anonymous' }],
    ['r.example.com', 'team/deep/app', { kind: 'password', username: 'deep' }],
    ['r.example.com', 'team/deep', { kind: 'password', username: 'deep' }],
    ['eu.reg.example.com:5000', 'app', { kind: 'password', username: 'pattern' }],
    ['my.reg.example.com:5000', 'app', { kind: 'password', username: 'exact' }],
    ['a.b.reg.example.com:5000', 'app', { kind: 'anonymous' }],
    ['eu.reg.example.com', 'app', { kind: 'anonymous' }],
    ['eu.reg.example.com:5001', 'app', { kind: 'anonymous' }],
    ['abcde.example.com', 'app', { kind: 'password', username: 'parts' }],
    ['ace.example.com', 'app', { kind: 'password', username: 'parts' }],
    ['ae.example.com', 'app', { kind: 'anonymous' }],
    ['ecr.example.com', 'app', { kind: 'anonymous', name: expect.stringContaining('docker-credential-ecr-login'), hint: expect.stringContaining('auths') }],
  ])('%s/%s', (registry, repository, expected) => {
    expect(credentials(registry, repository)).toMatchObject(expected);
  });

  test('names hold no secret, and secrets are scrubbed from then on', () => {
    expect(credentials('r.example.com', 'app').name).toBe('docker config entry for r.example.com');
    expect(scrub('x pass:of-host team-password identity-token-value registry-token-value')).toBe('x *** *** *** ***');
  });

  test.each([
    '',
    '[]',
    '{"auths":[]}',
    '{"auths":{"r":{"auth":5}}}',
    '{"auths":{"r":{"auth":"bm9jb2xvbg=="}}}',
    '{"auths":{"r":{"auth":":::"}}}',
    '{"auths":{"r":null}}',
  ])('%j is invalid and not repeated in the message', (text) => {
    expect(() => parseDockerConfig(Buffer.from(text), '/some/config.json')).toThrow(expect.objectContaining({ code: 'DOCKER_CONFIG_INVALID' }));
  });

  describe('where it is read', () => {
    let dir: string;
    const file = (user: string): string => JSON.stringify({ auths: { r: { auth: auth(user) } } });
    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), 'docker-config-'));
      await mkdir(join(dir, 'home', '.docker'), { recursive: true });
      await mkdir(join(dir, 'secret'));
      await mkdir(join(dir, 'empty'));
      await mkdir(join(dir, 'creds'));
      await writeFile(join(dir, 'creds', 'config.json'), file('by-creds-init'));
      await writeFile(join(dir, 'home', '.docker', 'config.json'), file('by-home'));
      await writeFile(join(dir, 'config.json'), file('by-env'));
      await writeFile(join(dir, 'secret', '.dockerconfigjson'), file('by-secret'));
    });
    afterAll(() => rm(dir, { recursive: true, force: true }));

    test.each([
      [{ home: 'home' }, 'by-home'],
      [{ home: 'home', env: '' }, 'by-env'],
      [{ home: 'home', env: '', path: 'secret' }, 'by-secret'],
      [{ path: 'secret/.dockerconfigjson' }, 'by-secret'],
      [{ home: 'empty' }, 'anonymous'],
      [{}, 'anonymous'],
      [{ home: 'empty', credsInit: 'creds' }, 'by-creds-init'],
      [{ credsInit: 'creds' }, 'by-creds-init'],
      [{ home: 'home', credsInit: 'creds' }, 'by-home'],
      [{ env: 'empty', credsInit: 'creds' }, 'anonymous'],
    ])('%j', async ({ home, env, path, credsInit = 'none' }: { home?: string; env?: string; path?: string; credsInit?: string }, user) => {
      const found = await dockerCredentials({
        ...(path !== undefined && { path: join(dir, path) }),
        credsInit: join(dir, credsInit),
        env: { ...(home !== undefined && { HOME: join(dir, home) }), ...(env !== undefined && { DOCKER_CONFIG: join(dir, env) }) },
      });
      expect(found('r', 'app')).toMatchObject(user === 'anonymous' ? { kind: 'anonymous' } : { username: user });
    });

    test.each(['nothing', 'empty'])('a given path without a config (%s) is an error', async (path) => {
      await expect(dockerCredentials({ path: join(dir, path), env: {} })).rejects.toMatchObject({ kind: 'input', code: 'FILE_MISSING' });
    });
  });
});
