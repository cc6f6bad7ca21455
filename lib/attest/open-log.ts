// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { createRekor, type Rekor } from '../sigstore/rekor.ts';
import { type Trust, trustedLogAt } from '../sigstore/trusted-root.ts';
import type { LogMode } from './attest.ts';

/**
 * The log that new signatures go to, with its key when a trusted root is given; undefined when there is no URL and none is needed.
 * Throws, for `log: now`, input REKOR_URL_MISSING, and LOG_UNKNOWN when the trusted root does not name the log: nobody could verify what it promises.
 */
export function openLog(options: { http: Http; mode: LogMode; url: string | undefined; trust: Trust | undefined }): Rekor | undefined {
  const { http, mode, url, trust } = options;
  if (url === undefined) {
    if (mode === 'now') throw inputError('REKOR_URL_MISSING', 'log=now needs the URL of the transparency log in the param rekor-url');
    return undefined;
  }
  const logKey = trust && trustedLogAt(trust, url);
  if (mode === 'now' && trust && !logKey) throw inputError('LOG_UNKNOWN', `the trusted root names no log at ${url}`);
  return createRekor({ http, url, ...(logKey && { logKey }) });
}
