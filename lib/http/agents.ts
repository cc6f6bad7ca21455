// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates } from 'node:tls';
import { inputError } from '../errors/errors.ts';

export type ProxyEnvironment = Record<string, string | undefined>;

/** What a client shows of itself (mutual TLS): its certificate with those of intermediate CAs, and the key, both PEM. */
export type ClientCertificate = { cert: string; key: string };

/** Connection pools of one client; `pick` gives the one for a URL. */
export type Agents = { pick(url: URL, reuse: boolean): Agent; close(): void };

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * Pools with keep-alive, and pools without it for requests that must not be sent twice (a pooled connection may have
 * been closed by the peer already, and then nobody knows whether the request was read). Proxies are Node's own:
 * HTTP_PROXY, HTTPS_PROXY and NO_PROXY of `env`; loopback hosts are never proxied, as with Go's and curl's clients, nor
 * are metadata servers, which give out credentials in plain HTTP and are there for this machine alone.
 * `ca` (PEM) is trusted besides the default certificates; `client` (PEM) is shown to servers that ask for a certificate.
 * Throws input CA_BUNDLE_INVALID or CLIENT_CERTIFICATE_INVALID.
 */
export function createAgents(options: { ca?: string | undefined; client?: ClientCertificate | undefined; env: ProxyEnvironment }): Agents {
  const ca = options.ca === undefined ? undefined : [...getCACertificates('default'), ...certificates(options.ca)];
  const tls = { ...(ca !== undefined && { ca }), ...(options.client !== undefined && usable(options.client)) };
  const pooled = { keepAlive: true, maxSockets: 32, scheduling: 'lifo' } as const;
  const proxyEnv = options.env as NodeJS.ProcessEnv;
  const pools = {
    plain: [new Agent({ ...pooled, proxyEnv }), new Agent({ proxyEnv })],
    tls: [new HttpsAgent({ ...pooled, ...tls, proxyEnv }), new HttpsAgent({ ...tls, proxyEnv })],
    local: [new Agent(pooled), new Agent()],
    localTls: [new HttpsAgent({ ...pooled, ...tls }), new HttpsAgent(tls)],
  } as const;
  return {
    pick(url, reuse) {
      const secure = url.protocol === 'https:';
      const local = isLoopbackHost(url.hostname) || isMetadataHost(url.hostname);
      const [reused, fresh] = local ? (secure ? pools.localTls : pools.local) : secure ? pools.tls : pools.plain;
      return reuse ? reused : fresh;
    },
    close() {
      for (const agent of Object.values(pools).flat()) agent.destroy();
    },
  };
}

/** Whether a host name (no port; IPv6 with or without brackets) is this machine: localhost, 127.0.0.0/8, ::1. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Link-local addresses (RFC 3927) and Google's name for one. */
function isMetadataHost(hostname: string): boolean {
  return hostname.toLowerCase() === 'metadata.google.internal' || /^169\.254(?:\.\d{1,3}){2}$/.test(hostname);
}

function usable(client: ClientCertificate): ClientCertificate {
  try {
    createSecureContext(client);
  } catch (cause) {
    throw inputError('CLIENT_CERTIFICATE_INVALID', 'the client certificate and its key cannot be used', {
      hint: 'give both as PEM, the key without a password, and let them belong together',
      cause,
    });
  }
  return client;
}

function certificates(pem: string): string[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  const hint = 'ca-bundle must hold PEM certificates (-----BEGIN CERTIFICATE-----)';
  if (blocks.length === 0) throw inputError('CA_BUNDLE_INVALID', 'the CA bundle holds no certificate', { hint });
  for (const [at, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw inputError('CA_BUNDLE_INVALID', `certificate ${at + 1} of the CA bundle cannot be read`, { hint, cause });
    }
  }
  return blocks;
}
