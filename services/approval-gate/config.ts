// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { inputError } from '../../lib/errors/errors.ts';
import { parseGoDuration } from './go-duration.ts';

const duration = (text: string) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const ms = parseGoDuration(value);
      if (ms !== undefined && ms > 0) return ms;
      context.addIssue({ code: 'custom', message: `"${value}" is no duration such as 15s` });
      return z.NEVER;
    });
const number = (fallback: number, min: number, max: number) => z.coerce.number().min(min).max(max).default(fallback);

/** Every setting as `--flag`, and as APPROVAL_GATE_FLAG in the environment. */
const Config = z.strictObject({
  'api-server': z.url({ protocol: /^https?$/ }).optional(),
  'ca-file': z.string().optional(),
  'token-file': z.string().optional(),
  namespace: z.string().optional(),
  'lease-namespace': z.string().optional(),
  'lease-name': z.string().default('approval-gate'),
  identity: z.string().optional(),
  'lease-duration': duration('15s'),
  'renew-deadline': duration('10s'),
  'retry-period': duration('2s'),
  resync: duration('10m'),
  concurrency: number(4, 1, 64),
  qps: number(20, 1, 10_000),
  burst: number(30, 1, 10_000),
  host: z.string().default('0.0.0.0'),
  port: number(8080, 0, 65_535),
  'log-format': z.enum(['text', 'json']).default('json'),
});
export type Config = z.infer<typeof Config>;

/** The settings from arguments and environment, arguments first. Throws input CONFIG_INVALID that names every wrong one. */
export function readConfig(args: readonly string[], env: Record<string, string | undefined>): Config {
  const names = Object.keys(Config.shape);
  const fromEnv = names.map((name) => [name, env[`APPROVAL_GATE_${name.toUpperCase().replaceAll('-', '_')}`]] as const);
  const given = Object.fromEntries(fromEnv.filter(([, value]) => value !== undefined && value !== ''));
  const config = Config.safeParse({ ...given, ...readArgs(args, names) });
  if (!config.success) throw invalid(config.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`));
  const { 'lease-duration': lease, 'renew-deadline': renew, 'retry-period': retry } = config.data;
  if (lease <= renew || renew <= retry) throw invalid(['--lease-duration must be longer than --renew-deadline, and that longer than --retry-period']);
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
  return inputError('CONFIG_INVALID', `approval-gate cannot start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, {
    hint: `flags are ${Object.keys(Config.shape)
      .map((name) => `--${name}`)
      .join(', ')}`,
  });
}
