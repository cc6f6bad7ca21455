// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { inputError } from '../../lib/errors/errors.ts';
import { STAGES } from '../../lib/policy/policy-schema.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

const duration = (text: string, max: number) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const [, digits = '', unit = ''] = /^(\d{1,7})(ms|s|m)$/.exec(value) ?? [];
      const ms = Number(digits) * (UNIT_MS[unit] ?? 0);
      if (ms > 0 && ms <= max) return ms;
      context.addIssue({ code: 'custom', message: `"${value.slice(0, 40)}" is no duration such as 500ms, 15s or 5m, of at most ${max / 1000} s` });
      return z.NEVER;
    });
const number = (fallback: number, min: number, max: number) => z.coerce.number().int().min(min).max(max).default(fallback);
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  );

const DAY_MS = 24 * 60 * 60 * 1000;

/** Every setting as `--flag`, and as ADMISSION_PROVIDER_FLAG in the environment. */
const Config = z.strictObject({
  host: z.string().default('0.0.0.0'),
  port: number(8443, 0, 65_535),
  'health-port': number(8080, 0, 65_535),
  'tls-cert': z.string().default('/tls/tls.crt'),
  'tls-key': z.string().default('/tls/tls.key'),
  'client-ca': z.string().default('/gatekeeper/ca.crt'),
  'client-name': z.string().min(1).default('gatekeeper-webhook-service.gatekeeper-system.svc'),
  'policy-folder': z.string().default('/policy'),
  policy: z.string().default('policy.yaml'),
  'trusted-root': z.string().optional(),
  'docker-config': z.string().optional(),
  'registry-ca': z.string().optional(),
  stage: z.enum(STAGES).default('deploy'),
  registries: list,
  'insecure-registries': list,
  deadline: duration('1800ms', 25_000),
  'mutate-deadline': duration('700ms', 25_000),
  'work-limit': duration('10s', 300_000),
  concurrency: number(16, 1, 256),
  waiting: number(1000, 1, 100_000),
  reload: duration('10s', 600_000),
  'pass-ttl': duration('5m', DAY_MS),
  'fail-ttl': duration('30s', DAY_MS),
  'tag-ttl': duration('5s', 60_000),
  'cache-entries': number(10_000, 1, 1_000_000),
  'cache-mib': number(64, 1, 4096),
  'evidence-mib': number(16, 1, 128),
  drain: duration('5s', 60_000),
  'log-format': z.enum(['text', 'json']).default('json'),
});
export type Config = z.infer<typeof Config>;

/** The settings from arguments and environment, arguments first; durations in milliseconds. Throws input CONFIG_INVALID that names every wrong one. */
export function readConfig(args: readonly string[], env: Record<string, string | undefined>): Config {
  const names = Object.keys(Config.shape);
  const fromEnv = names.map((name) => [name, env[`ADMISSION_PROVIDER_${name.toUpperCase().replaceAll('-', '_')}`]] as const);
  const given = Object.fromEntries(fromEnv.filter(([, value]) => value !== undefined && value !== ''));
  const config = Config.safeParse({ ...given, ...readArgs(args, names) });
  if (!config.success) throw invalid(config.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`));
  if (config.data['work-limit'] < config.data.deadline) throw invalid(['--work-limit must not be shorter than --deadline']);
  return config.data;
}

function readArgs(args: readonly string[], names: readonly string[]): Record<string, unknown> {
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])), strict: true }).values;
  } catch (cause) {
    throw invalid([cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)]);
  }
}

function invalid(problems: readonly string[]): Error {
  return inputError('CONFIG_INVALID', `admission-provider cannot start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, {
    hint: `flags are ${Object.keys(Config.shape)
      .map((name) => `--${name}`)
      .join(', ')}`,
  });
}
