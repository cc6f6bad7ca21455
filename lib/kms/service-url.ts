// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import { isLoopbackHost } from '../http/agents.ts';
import type { Logger } from '../log/log.ts';

/** The base URL that a setting names, without a slash at its end; undefined when it is unset. A token goes there, so plain HTTP beyond this machine is warned of. Throws input KMS_SETTING_INVALID. */
export function serviceUrl(value: string | undefined, setting: string, log: Logger): string | undefined {
  if (value === undefined) return undefined;
  const url = URL.parse(value);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '') {
    throw inputError('KMS_SETTING_INVALID', `${setting} is not an http:// or https:// URL without credentials`);
  }
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname))
    log.warn(`${setting} is plain HTTP: whoever is on the way can read the token`, { host: url.hostname });
  return url.href.replace(/\/+$/, '');
}
