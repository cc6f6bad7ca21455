// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { durationSetting, numberSetting, readSettings } from '../../lib/service/settings.ts';

/** Every setting as `--flag`, and as APPROVAL_GATE_FLAG in the environment. */
const Config = z.strictObject({
  'api-server': z.url({ protocol: /^https?$/ }).optional(),
  'ca-file': z.string().optional(),
  'token-file': z.string().optional(),
  namespace: z.string().optional(),
  'lease-namespace': z.string().optional(),
  'lease-name': z.string().default('approval-gate'),
  identity: z.string().optional(),
  'lease-duration': durationSetting('15s'),
  'renew-deadline': durationSetting('10s'),
  'retry-period': durationSetting('2s'),
  resync: durationSetting('10m'),
  concurrency: numberSetting(4, 1, 64),
  qps: z.coerce.number().min(1).max(10_000).default(20),
  burst: numberSetting(30, 1, 10_000),
  host: z.string().default('0.0.0.0'),
  port: numberSetting(8080, 0, 65_535),
  'log-format': z.enum(['text', 'json']).default('json'),
});
export type Config = z.infer<typeof Config>;

/** The settings from arguments and environment, arguments first. Throws input CONFIG_INVALID that names every wrong one. */
export function readConfig(args: readonly string[], env: Record<string, string | undefined>): Config {
  return readSettings(Config, { service: 'approval-gate', args, env }, ({ 'lease-duration': lease, 'renew-deadline': renew, 'retry-period': retry }) =>
    lease <= renew || renew <= retry ? ['--lease-duration must be longer than --renew-deadline, and that longer than --retry-period'] : [],
  );
}
