// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { STAGES } from '../../lib/policy/schema-parts.ts';
import { durationSetting, listSetting, numberSetting, readSettings } from '../../lib/service/settings.ts';

/** Every setting as `--flag`, and as ADMISSION_PROVIDER_FLAG in the environment. */
const Config = z.strictObject({
  host: z.string().default('0.0.0.0'),
  port: numberSetting(8443, 0, 65_535),
  'health-port': numberSetting(8080, 0, 65_535),
  'tls-cert': z.string().default('/tls/tls.crt'),
  'tls-key': z.string().default('/tls/tls.key'),
  'client-ca': z.string().default('/gatekeeper/ca.crt'),
  'client-name': z.string().min(1).default('gatekeeper-webhook-service.gatekeeper-system.svc'),
  'policy-folder': z.string().default('/policy'),
  policy: z.string().default('policy.yaml'),
  'summary-policy': z.string().default('summary-policy.yaml'),
  'trusted-root': z.string().optional(),
  'docker-config': z.string().optional(),
  'namespace-logins': z.string().optional(),
  'registry-ca': z.string().optional(),
  stage: z.enum(STAGES).default('deploy'),
  registries: listSetting(),
  'insecure-registries': listSetting(),
  deadline: durationSetting('1800ms', 25_000),
  'mutate-deadline': durationSetting('700ms', 25_000),
  'summary-deadline': durationSetting('900ms', 25_000),
  'work-limit': durationSetting('10s', 300_000),
  concurrency: numberSetting(16, 1, 256),
  waiting: numberSetting(1000, 1, 100_000),
  reload: durationSetting('10s', 600_000),
  'pass-ttl': durationSetting('5m'),
  'fail-ttl': durationSetting('30s'),
  'tag-ttl': durationSetting('5s', 60_000),
  'cache-entries': numberSetting(10_000, 1, 1_000_000),
  'cache-mib': numberSetting(64, 1, 4096),
  'evidence-mib': numberSetting(16, 1, 128),
  drain: durationSetting('5s', 60_000),
  'log-format': z.enum(['text', 'json']).default('json'),
});
export type Config = z.infer<typeof Config>;

/** The settings from arguments and environment, arguments first; durations in milliseconds. Throws input CONFIG_INVALID that names every wrong one. */
export function readConfig(args: readonly string[], env: Record<string, string | undefined>): Config {
  return readSettings(Config, { service: 'admission-provider', args, env }, ({ 'work-limit': workLimit, deadline }) =>
    workLimit < deadline ? ['--work-limit must not be shorter than --deadline'] : [],
  );
}
