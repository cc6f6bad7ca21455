// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { parseGoDuration } from './go-duration.ts';

const LONGEST_MS = 24 * 60 * 60 * 1000;

/** A setting that is a time, written as Go writes it (`500ms`, `1h30m`), more than nothing and at most `maxMs`; in milliseconds. */
export function durationSetting(fallback: string, maxMs = LONGEST_MS) {
  return z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const ms = parseGoDuration(text);
      if (ms !== undefined && ms > 0 && ms <= maxMs) return ms;
      context.addIssue({ code: 'custom', message: `"${text.slice(0, 40)}" is no duration such as 500ms, 15s or 5m, of at most ${maxMs / 1000} s` });
      return z.NEVER;
    });
}

/** A setting that is a whole number from `min` to `max`. */
export function numberSetting(fallback: number, min: number, max: number) {
  return z.coerce.number().int().min(min).max(max).default(fallback);
}

/** A setting that is a list, its entries separated by commas. */
export function listSetting() {
  return z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    );
}

export type SettingsSource = {
  /** How the service calls itself; its variables are `SERVICE_NAME_FLAG`. */
  service: string;
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
};

/**
 * The settings of a service, each as `--flag` and as variable, arguments first; an empty variable is none. `assess` names what is wrong with them together.
 * Throws input CONFIG_INVALID that names every wrong one.
 */
export function readSettings<S extends z.ZodObject>(
  schema: S,
  { service, args, env }: SettingsSource,
  assess: (settings: z.output<S>) => string[] = () => [],
): z.output<S> {
  const names = Object.keys(schema.shape);
  const invalid = (problems: readonly string[]): Error =>
    inputError('CONFIG_INVALID', `${service} cannot start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, {
      hint: `flags are ${names.map((name) => `--${name}`).join(', ')}`,
    });
  const prefix = constantCase(service);
  const fromEnv = names.map((name) => [name, env[`${prefix}_${constantCase(name)}`]] as const);
  const given = Object.fromEntries(fromEnv.filter(([, value]) => value !== undefined && value !== ''));
  const settings = schema.safeParse({ ...given, ...readArgs(args, names, invalid) });
  if (!settings.success) throw invalid(settings.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`));
  const problems = assess(settings.data);
  if (problems.length > 0) throw invalid(problems);
  return settings.data;
}

function readArgs(args: readonly string[], names: readonly string[], invalid: (problems: readonly string[]) => Error): Record<string, unknown> {
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])), strict: true }).values;
  } catch (cause) {
    throw invalid([cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)]);
  }
}

function constantCase(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
