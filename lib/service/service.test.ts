// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { formatDuration, parseGoDuration } from './go-duration.ts';
import { startHealthServer } from './health-server.ts';
import { createMetrics } from './metrics.ts';
import { durationSetting, listSetting, numberSetting, readSettings } from './settings.ts';

describe('durations of Go', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['.5m', 30_000],
    ['500ms', 500],
    ['2us', 0.002],
    ['-1h', -3_600_000],
    ['+2s', 2000],
    ['72h0m0s', 259_200_000],
  ])('%s', (text, ms) => {
    expect(parseGoDuration(text)).toBeCloseTo(ms, 9);
  });

  test.each(['', '5', 's', '1d', '1 h', '1h-5m', 'h1', '1e3s', '1s '.repeat(30), 'Infinitys'])('%j is none', (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });

  test.each([
    [0, '0s'],
    [59_000, '59s'],
    [5_400_000, '1h30m'],
    [90_061_000, '1d1h'],
    [86_400_000, '1d'],
    [-5, '0s'],
  ])('%i ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('settings', () => {
  const Schema = z.strictObject({
    wait: durationSetting('15s', 20_000),
    port: numberSetting(80, 0, 100),
    hosts: listSetting(),
    'log-format': z.enum(['json', 'text']).optional(),
  });
  const read = (args: string[], env: Record<string, string> = {}) =>
    readSettings(Schema, { service: 'tea-maker', args, env }, ({ port }) => (port === 13 ? ['--port 13 is taken'] : []));

  test('have defaults, come from arguments before the environment, and an empty variable is none', () => {
    expect(read([])).toEqual({ wait: 15_000, port: 80, hosts: [] });
    const env = { TEA_MAKER_PORT: '2', TEA_MAKER_WAIT: '1s', TEA_MAKER_HOSTS: 'a, b,', TEA_MAKER_LOG_FORMAT: '' };
    expect(read(['--port=1'], env)).toEqual({ wait: 1000, port: 1, hosts: ['a', 'b'] });
  });

  test.each([
    [['--wait=soon'], {}, '--wait: "soon" is no duration'],
    [['--wait=0s'], {}, '--wait:'],
    [['--wait=21s'], {}, 'of at most 20 s'],
    [['--port=101'], {}, '--port:'],
    [['--port=1.5'], {}, '--port:'],
    [['--port=13'], {}, '--port 13 is taken'],
    [['--none=1'], {}, "'--none'"],
    [['positional'], {}, 'positional'],
    [[], { TEA_MAKER_LOG_FORMAT: 'xml' }, '--log-format'],
  ])('%j %j are refused', (args, env, problem) => {
    expect(() => read(args, env)).toThrow(expect.objectContaining({ kind: 'input', code: 'CONFIG_INVALID', message: expect.stringContaining(problem) }));
    expect(() => read(args, env)).toThrow(/^tea-maker cannot start:/);
  });

  test('that are wrong are all named at once', () => {
    expect(() => read(['--wait=x', '--port=x'])).toThrow(/--wait: .*\n.*--port: /);
  });
});

const NAMES = {
  prefix: 'tea_',
  counters: { cups_total: ['sort', 'Cups.'], pots_total: ['size', 'Pots.'] },
  gauges: { leaves: 'Leaves.' },
  histograms: { steep_seconds: 'Steeping.' },
  buckets: [0.005, 0.1],
} as const;

test('metrics are those of the text format, and labels forge no line', () => {
  const metrics = createMetrics<'cups_total' | 'pots_total', 'leaves', 'steep_seconds'>(NAMES);
  expect(metrics.text()).toContain('tea_leaves 0');
  metrics.count('cups_total', 'A"\nB', 2);
  metrics.count('cups_total', 'A"\nB');
  metrics.observe('steep_seconds', 0.004);
  metrics.observe('steep_seconds', 99);
  metrics.setGauges(() => ({ leaves: 7 }));
  const lines = metrics.text().split('\n');
  expect(lines).toEqual([
    ...['# HELP tea_cups_total Cups.', '# TYPE tea_cups_total counter', 'tea_cups_total{sort="A__B"} 3'],
    ...['# HELP tea_pots_total Pots.', '# TYPE tea_pots_total counter'],
    ...['# HELP tea_leaves Leaves.', '# TYPE tea_leaves gauge', 'tea_leaves 7'],
    ...['# HELP tea_steep_seconds Steeping.', '# TYPE tea_steep_seconds histogram'],
    ...['tea_steep_seconds_bucket{le="0.005"} 1', 'tea_steep_seconds_bucket{le="0.1"} 1', 'tea_steep_seconds_bucket{le="+Inf"} 2'],
    ...['tea_steep_seconds_sum 99.004', 'tea_steep_seconds_count 2', ''],
  ]);
});

test('the health server answers its three paths and nothing else', async () => {
  let ready = false;
  const server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    metrics: () => 'tea_leaves 7\n',
    readiness: () => ({ ready, text: ready ? 'ready' : 'no water' }),
  });
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return `${response.status} ${await response.text()}`;
  };
  try {
    expect(await get('/healthz')).toBe('200 ok\n');
    expect(await get('/readyz')).toBe('503 no water\n');
    ready = true;
    expect(await get('/readyz')).toBe('200 ready\n');
    expect(await get('/metrics')).toBe('200 tea_leaves 7\n');
    expect(await get('/healthz', 'POST')).toBe('405 GET only\n');
    expect(await get('/../etc/passwd')).toBe('404 not found\n');
  } finally {
    await server.close();
  }
});
