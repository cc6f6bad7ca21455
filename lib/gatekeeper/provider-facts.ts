// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError, refusedError } from '../errors/errors.ts';
import type { ClientCertificate } from '../http/agents.ts';
import { createHttp, type HttpOptions, type HttpResponse } from '../http/http.ts';
import type { FactSource } from './gatekeeper.ts';
import type { Fact, ProviderSpec } from './protocol.ts';

const API_VERSION = 'externaldata.gatekeeper.sh/v1beta1';
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

const Item = z.object({ key: z.string().default(''), value: z.unknown().optional(), error: z.string().default('') });
const Answer = z.object({
  response: z.object({ items: z.array(Item).nullish(), systemError: z.string().default('') }).default({ items: [], systemError: '' }),
});

/**
 * Answers by asking the Providers among the policies over TLS, as Gatekeeper does (protocol externaldata.gatekeeper.sh/v1beta1), with all keys of a pass in one request. `client` is shown to those that ask for a certificate.
 * Throws input EXTERNAL_DATA_INVALID for a provider that is not there or has no https URL or CA, refused EXTERNAL_DATA_REFUSED for an answer that is none, and what the HTTP client throws.
 */
export function providerFacts(http: Omit<HttpOptions, 'ca' | 'client'>, client?: ClientCertificate): FactSource {
  return async (provider, keys, spec) => {
    const { url, ca, timeoutMs } = place(provider, spec);
    const ask = createHttp({ ...http, ca, ...(client && { client }) });
    try {
      const body = JSON.stringify({ apiVersion: API_VERSION, kind: 'ProviderRequest', request: { keys } });
      const headers = { 'content-type': 'application/json' };
      // A question changes nothing, so it may be asked again.
      const request = {
        what: `ask the provider ${provider} for external data`,
        method: 'POST',
        url,
        headers,
        body: Buffer.from(body),
        retryable: true,
        timeoutMs,
      };
      return await factsOf(provider, keys, await ask({ ...request, maxBytes: MAX_ANSWER_BYTES }));
    } finally {
      ask.close();
    }
  };
}

function place(provider: string, spec: ProviderSpec | undefined): { url: string; ca: string; timeoutMs: number } {
  const invalid = (why: string): Error => inputError('EXTERNAL_DATA_INVALID', `the provider ${provider} of external data ${why}`);
  if (spec === undefined) throw invalid('is asked for by a policy, and no Provider of this name stands among the policies');
  if (!URL.canParse(spec.url) || new URL(spec.url).protocol !== 'https:') throw invalid('has no https URL');
  const ca = Buffer.from(spec.caBundle, 'base64').toString('utf8');
  if (!ca.includes('BEGIN CERTIFICATE')) throw invalid('has no caBundle: the base64 of PEM certificates');
  if (spec.timeout <= 0) throw invalid('has no timeout: whole seconds, more than 0');
  return { url: spec.url, ca, timeoutMs: spec.timeout * 1000 };
}

async function factsOf(provider: string, keys: readonly string[], answer: HttpResponse): Promise<Fact[]> {
  const parsed = Answer.safeParse(await answer.json().catch(() => undefined));
  if (!parsed.success) throw refusedError('EXTERNAL_DATA_REFUSED', `the provider ${provider} answered ${answer.status} with what is no ProviderResponse`);
  const { items, systemError } = parsed.data.response;
  return keys.map((key) => ({
    provider,
    key,
    items: (items ?? []).filter((item) => item.key === key).map(({ value = null, error }) => (error === '' ? { value } : { error })),
    systemError,
    statusCode: answer.status,
  }));
}
