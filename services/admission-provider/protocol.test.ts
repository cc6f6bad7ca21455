// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { refusedError, transientError } from '../../lib/errors/errors.ts';
import { registerSecret } from '../../lib/log/redact.ts';
import { answerKeys } from './answer-keys.ts';
import { readConfig } from './config.ts';
import type { Said } from './judging.ts';
import { PROTOCOL_VERSION, parseProviderRequest } from './protocol.ts';

const requestOf = (request: unknown, more: object = {}) => ({ apiVersion: PROTOCOL_VERSION, kind: 'ProviderRequest', request, ...more });
const parse = (json: unknown) => parseProviderRequest(Buffer.from(JSON.stringify(json)));

describe('a request', () => {
  test.each([
    ['keys', requestOf({ keys: ['b', 'a'] }), ['b', 'a']],
    ['a key twice', requestOf({ keys: ['a', 'b', 'a'] }), ['a', 'b']],
    ['no keys, as Gatekeeper writes an empty list', requestOf({}), []],
    ['fields of a newer Gatekeeper', requestOf({ keys: ['a'], namespace: 'x' }, { metadata: {} }), ['a']],
  ])('with %s', (_what, json, keys) => {
    expect(parse(json)).toEqual(keys);
  });

  test.each([
    ['another version', requestOf({ keys: [] }, { apiVersion: 'externaldata.gatekeeper.sh/v1' }), 'apiVersion: must be externaldata'],
    ['an answer', requestOf({ keys: [] }, { kind: 'ProviderResponse' }), 'kind: must be ProviderRequest'],
    ['no request', { apiVersion: PROTOCOL_VERSION, kind: 'ProviderRequest' }, 'request:'],
    ['keys that are no texts', requestOf({ keys: [1] }), 'request.keys.0:'],
    ['a text for the keys', requestOf({ keys: 'a' }), 'request.keys:'],
    ['too many keys', requestOf({ keys: Array.from({ length: 1001 }, (_, at) => String(at)) }), 'must be at most 1000'],
    ['null', null, 'the body:'],
  ])('is not one with %s', (_what, json, problem) => {
    expect(() => parse(json)).toThrow(expect.objectContaining({ kind: 'input', code: 'REQUEST_INVALID', message: expect.stringContaining(problem) }));
  });

  test.each([['{"kind":'], [Buffer.from([0x22, 0xff, 0x22])]])('is not what is no JSON: %s', (body) => {
    expect(() => parseProviderRequest(Buffer.from(body))).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});

describe('an answer', () => {
  const codes: string[] = [];
  const options = { deadlineMs: 1000, onFault: (code: string) => codes.push(code) };
  const answer = (keys: string[], say: (key: string) => Promise<Said<unknown>>, deadlineMs = 1000) => answerKeys(keys, say, { ...options, deadlineMs });

  test('has one item a key, values and errors side by side', async () => {
    const { response } = await answer(['good', 'bad'], async (key) => (key === 'good' ? { value: { verdict: 'passed' } } : { error: 'MANIFEST_UNKNOWN: no' }));
    expect(response).toEqual({
      idempotent: true,
      items: [
        { key: 'good', value: { verdict: 'passed' } },
        { key: 'bad', error: 'MANIFEST_UNKNOWN: no' },
      ],
      systemError: '',
    });
  });

  test('about no key is an empty one', async () => {
    expect((await answer([], async () => ({ value: 1 }))).response).toEqual({ idempotent: true, items: [], systemError: '' });
  });

  test('asks about all keys at once', async () => {
    let running = 0;
    let most = 0;
    await answer(['a', 'b', 'c'], async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return { value: 1 };
    });
    expect(most).toBe(3);
  });

  test('has no item as soon as one key cannot be answered for now, and says which and why on one line', async () => {
    registerSecret('herons-in-may');
    const { response } = await answer(['good', 'down'], async (key) => {
      if (key === 'good') return { value: { verdict: 'passed' } };
      throw transientError('HTTP_UNREACHABLE', 'cannot read\nmanifest (herons-in-may)');
    });
    expect(response).toEqual({ idempotent: true, items: [], systemError: 'down: HTTP_UNREACHABLE: cannot read\\nmanifest (***)' });
    expect(codes).toContain('HTTP_UNREACHABLE');
  });

  test('is never made of a failure of ours', async () => {
    const { response } = await answer(['a'], () => Promise.reject(new TypeError('x is not a function')));
    expect(response).toMatchObject({ items: [], systemError: 'a: UNEXPECTED: x is not a function' });
  });

  test('names a few of many', async () => {
    const keys = Array.from({ length: 9 }, (_, at) => `image-${at}`);
    const { response } = await answer(keys, () => Promise.reject(refusedError('X', 'y'.repeat(5000))));
    expect(response.systemError).toMatch(/^image-0: X: y+….*and 4 more$/);
    expect(response.systemError.length).toBeLessThan(3000);
  });

  test('comes before the deadline, with what is still missing', async () => {
    const { response } = await answer(['quick', 'slow'], (key) => (key === 'slow' ? new Promise(() => {}) : Promise.resolve({ value: 1 })), 20);
    expect(response).toMatchObject({ items: [], systemError: expect.stringContaining('DEADLINE: no verdict within 0.02 s about slow;') });
    expect(codes).toContain('DEADLINE');
  });
});

describe('settings', () => {
  test('have defaults that fit below the webhooks of Gatekeeper', () => {
    expect(readConfig([], {})).toMatchObject({ deadline: 1800, 'mutate-deadline': 700, stage: 'deploy', registries: [], 'pass-ttl': 300_000 });
  });

  test('come from arguments before the environment', () => {
    const env = { ADMISSION_PROVIDER_DEADLINE: '1s', ADMISSION_PROVIDER_REGISTRIES: 'a.example.com, b.example.com/team,', ADMISSION_PROVIDER_PORT: '' };
    expect(readConfig(['--deadline=900ms'], env)).toMatchObject({ deadline: 900, registries: ['a.example.com', 'b.example.com/team'], port: 8443 });
  });

  test.each([
    [['--deadline=3'], '--deadline: "3" is no duration'],
    [['--deadline=0s'], '--deadline:'],
    [['--deadline=30s'], 'of at most 25 s'],
    [['--stage=prod'], '--stage:'],
    [['--unknown=x'], 'unknown'],
    [['--work-limit=1s'], '--work-limit must not be shorter'],
    [['--client-name='], '--client-name:'],
  ])('%j are refused', (args, problem) => {
    expect(() => readConfig(args, {})).toThrow(expect.objectContaining({ kind: 'input', code: 'CONFIG_INVALID', message: expect.stringContaining(problem) }));
  });
});
