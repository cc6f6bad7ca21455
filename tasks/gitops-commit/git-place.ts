// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import { isLoopbackHost } from '../../lib/http/agents.ts';

/** Throws input GIT_URL_INSECURE for plain HTTP to a host that is neither this machine nor named as insecure: a login would be sent in the clear. */
export function checkTransport(repository: string, insecure: readonly string[]): void {
  const { protocol, host, hostname } = new URL(repository);
  if (protocol === 'https:' || isLoopbackHost(hostname) || insecure.includes(host)) return;
  throw inputError('GIT_URL_INSECURE', `the repository at ${host} would be reached by plain HTTP`);
}
