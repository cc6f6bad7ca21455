// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { redactUrl } from '../log/redact.ts';
import type { EntryLog } from '../sigstore/entry-log.ts';
import { createRekor } from '../sigstore/rekor.ts';
import { createRekorV1 } from '../sigstore/rekor-v1.ts';
import { chooseServices, parseSigningConfig } from '../sigstore/signing-config.ts';
import { type Trust, trustedLogAt } from '../sigstore/trusted-root.ts';
import { createTimestampAuthority } from '../sigstore/tsa.ts';
import type { AttestContext, LogMode } from './attest.ts';
import { openLog } from './open-log.ts';

/** The services that sign with us; `fulcio` is the URL of the certificate authority. */
export type Services = Required<Pick<AttestContext, 'rekor' | 'furtherLogs' | 'authorities'>> & { fulcio: string | undefined };

/**
 * The services that a signing config (its text) names for now, or the one log at `url`. With both, the config decides and has to name that log: a Pipeline tells its later steps of one log by URL.
 * Throws input SIGNING_CONFIG_CONFLICT when it does not, SIGNING_CONFIG_INVALID, SIGNING_SERVICE_MISSING, and for `log: now` REKOR_URL_MISSING, and LOG_UNKNOWN when the trusted root does not name a log: nobody could verify what it promises.
 */
export function openServices(options: {
  http: Http;
  mode: LogMode;
  url: string | undefined;
  config: string | undefined;
  trust: Trust | undefined;
  now: Date;
}): Services {
  const { http, mode, url, config, trust, now } = options;
  if (config === undefined) return { rekor: openLog({ http, mode, url, trust }), furtherLogs: [], authorities: [], fulcio: undefined };
  const { logs, timestampAuthorities, fulcio } = chooseServices(parseSigningConfig(config), now);
  if (url !== undefined && !logs.some((log) => log.url === url.replace(/\/+$/, ''))) {
    throw inputError('SIGNING_CONFIG_CONFLICT', `rekor-url names the log ${redactUrl(url)}, and the signing config ${named(logs)}`);
  }
  const [rekor, ...furtherLogs] = logs.map((log) => open(http, log, mode, trust));
  if (mode === 'now' && !rekor) throw inputError('REKOR_URL_MISSING', 'log=now needs a transparency log, and the signing config names none');
  return { rekor, furtherLogs, authorities: timestampAuthorities.map((authority) => createTimestampAuthority({ http, url: authority })), fulcio };
}

function named(logs: readonly { url: string }[]): string {
  return logs.length === 0 ? 'none' : logs.map(({ url }) => redactUrl(url)).join(', ');
}

function open(http: Http, { url, version }: { url: string; version: number }, mode: LogMode, trust: Trust | undefined): EntryLog {
  const logKey = trust && trustedLogAt(trust, url);
  if (mode === 'now' && trust && !logKey) throw inputError('LOG_UNKNOWN', `the trusted root names no log at ${url}`);
  const options = { http, url, ...(logKey && { logKey }) };
  return version === 1 ? createRekorV1(options) : createRekor(options);
}
