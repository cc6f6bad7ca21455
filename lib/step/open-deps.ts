// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import { createHttp } from '../http/http.ts';
import type { Logger } from '../log/log.ts';
import { createRegistry } from '../registry/client.ts';
import { dockerCredentials } from '../registry/credentials.ts';
import type { ReferrersMode } from '../registry/referrers.ts';
import type { AnyTaskSpec, Inputs } from '../spec/spec.ts';
import { readTrustFile } from './house-files.ts';
import type { StepDeps, StepProcess } from './step.ts';

/**
 * What a step works with, made from the house's params and workspaces; `close` lets go of its connections.
 * Throws input FILE_MISSING, WORKSPACE_UNBOUND, CA_BUNDLE_INVALID, DOCKER_CONFIG_INVALID or SOURCE_DATE_EPOCH_INVALID.
 */
export async function openDeps(
  inputs: Inputs<AnyTaskSpec>,
  run: { log: Logger; signal: AbortSignal; deadline: number },
  process: StepProcess,
): Promise<{ deps: StepDeps; close: () => void }> {
  const { log, signal, deadline } = run;
  const epoch = sourceDateEpoch(process.env);
  const ca = await readTrustFile(inputs, 'ca-bundle');
  const trustedRoot = await readTrustFile(inputs, 'trusted-root');
  const credentials = await dockerCredentials({ path: inputs.workspaces['registry-credentials'] ?? '', env: process.env });
  const http = createHttp({ log, signal, deadline, ...(ca !== undefined && { ca }) });
  const insecureRegistries = (inputs.params as { 'insecure-registries': string[] })['insecure-registries'];
  const { 'referrers-mode': referrersMode = 'auto' } = inputs.params as { 'referrers-mode'?: ReferrersMode };
  const registry = createRegistry({ http, credentials, insecureRegistries, referrersMode, log });
  return { deps: { log, http, registry, trustedRoot, now: process.now, signal, version: process.version, sourceDateEpoch: epoch }, close: () => http.close() };
}

/** Throws input SOURCE_DATE_EPOCH_INVALID. */
function sourceDateEpoch(env: StepProcess['env']): number | undefined {
  const text = env['SOURCE_DATE_EPOCH'];
  if (!text) return undefined;
  if (!/^\d{1,11}$/.test(text)) throw inputError('SOURCE_DATE_EPOCH_INVALID', `SOURCE_DATE_EPOCH is "${text.slice(0, 40)}", not a number of seconds`);
  return Number(text);
}
