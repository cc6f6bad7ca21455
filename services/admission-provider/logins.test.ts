// SPDX-License-Identifier: Apache-2.0

import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { refusedError } from '../../lib/errors/errors.ts';
import { formatReference } from '../../lib/reference/reference.ts';
import { createJudging, type JudgingDeps, type JudgingOptions } from './judging.ts';
import { createRegistries, readLogins } from './logins.ts';
import { createSlots } from './slots.ts';
import { OPTIONS, openJudging, readFiles } from './test-judging.ts';
import { openSetting, type Setting } from './test-setting.ts';

let setting: Setting;
const clock = 0;
beforeAll(async () => {
  setting = await openSetting();
});
afterAll(() => setting.close());

const open = (options?: Partial<JudgingOptions>, registryOf?: JudgingDeps['registryOf']) => openJudging(setting, () => clock, options, registryOf);

describe('a key', () => {
  test.each([
    ['without a namespace', 'registry.example.com/app:v1', 'KEY_INVALID'],
    ['with what is no namespace', '../shop|registry.example.com/app:v1', 'KEY_INVALID'],
    ['with a namespace that the image brings along', 'shop|other|registry.example.com/app:v1', 'REFERENCE_INVALID'],
  ])('%s is answered with an error, and nobody is asked', async (_what, key, code) => {
    const asked: string[] = [];
    const registryOf: JudgingDeps['registryOf'] = (namespace) => {
      asked.push(namespace);
      return { scope: '', registry: setting.laptop.registry };
    };
    const judging = createJudging(await readFiles(setting), OPTIONS, {
      registryOf,
      slots: createSlots({ limit: 1, maxWaiting: 1 }),
      now: () => clock,
      onWay() {},
      onJudged() {},
    });
    expect(await judging.judge(key)).toEqual({ error: expect.stringContaining(code) });
    expect(asked).toEqual([]);
  });

  test('of a value that is to be pinned chooses no namespace', async () => {
    const judging = await open({}, () => expect.unreachable());
    expect(await judging.pin('shop|registry.example.com/app:v1')).toEqual({ error: expect.stringContaining('REFERENCE_INVALID') });
  });
});

describe('registry logins', () => {
  const config = (host: string, username: string) => JSON.stringify({ auths: { [host]: { username, password: `${username}-of-herons` } } });
  afterEach(async () => {
    for (const name of await readdir(join(setting.root, 'logins'))) await rm(join(setting.root, 'logins', name));
    await rm(join(setting.root, 'registry/config.json'), { force: true });
  });
  const logins = () => readLogins({ dockerConfig: join(setting.root, 'registry'), namespaceLogins: join(setting.root, 'logins') });

  /** Which login each client was opened with. */
  async function registries() {
    const read = await logins();
    return createRegistries(read, (credentials) => {
      const login = credentials('registry.example.com', 'team/app');
      return { login: login.kind === 'password' ? login.username : login.kind } as never;
    });
  }
  const image = { registry: 'registry.example.com', repository: 'team/app', tag: 'v1' };

  test('of a namespace are its own, and nobody else is given them', async () => {
    await setting.write('registry/config.json', config('registry.example.com', 'everybody'));
    await setting.write('logins/shop', config('registry.example.com/team', 'shop'));
    await setting.write('logins/bank', config('other.example.com', 'bank'));
    await setting.write('logins/..data', 'not a config');
    const of = await registries();
    const login = (namespace: string) => of(namespace, image);
    expect(login('shop')).toEqual({ scope: 'shop', registry: { login: 'shop' } });
    for (const namespace of ['bank', 'lone', '', '..data', 'constructor']) expect(login(namespace)).toEqual({ scope: '', registry: { login: 'everybody' } });
    expect(of('shop', image).registry).toBe(of('shop', image).registry);
    expect(of('shop', { ...image, repository: 'else/app' }).scope).toBe('');
  });

  test('of a namespace that cannot be used are a fault of that namespace alone', async () => {
    await setting.write('logins/shop', '{"auths": []}');
    const of = await registries();
    expect(() => of('shop', image)).toThrow(
      expect.objectContaining({ kind: 'transient', code: 'LOGINS_UNUSABLE', message: expect.stringContaining('namespace shop') }),
    );
    expect(of('bank', image).scope).toBe('');
  });

  test('that change make another revision', async () => {
    const before = (await logins()).revision;
    await setting.write('logins/shop', config('registry.example.com', 'shop'));
    const shop = (await logins()).revision;
    await rename(join(setting.root, 'logins/shop'), join(setting.root, 'logins/bank'));
    expect(new Set([before, shop, (await logins()).revision]).size).toBe(3);
    expect((await readLogins({ dockerConfig: undefined, namespaceLogins: '/nowhere' })).byNamespace.size).toBe(0);
  });

  test('keep what a namespace has found out from another one', async () => {
    const good = formatReference(await setting.signedImage());
    const refused = { ...setting.laptop.registry, manifest: () => Promise.reject(refusedError('MANIFEST_UNKNOWN', 'it is not for you')) };
    const judging = await open({}, (namespace) => ({ scope: namespace, registry: namespace === 'shop' ? setting.laptop.registry : refused }));
    expect(await judging.judge(`shop|${good}`)).toMatchObject({ value: { verdict: 'passed' } });
    expect(await judging.judge(`bank|${good}`)).toEqual({ error: expect.stringContaining('it is not for you') });
    expect(await judging.judge(`shop|${good}`)).toMatchObject({ value: { verdict: 'passed' } });
  });
});
