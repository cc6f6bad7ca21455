// SPDX-License-Identifier: Apache-2.0
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ScriptedServer, type SeenRequest, serve } from '../../lib/http/test-server.ts';
import { CERTIFICATE } from '../../lib/sigstore/test-keys.ts';
import type { Bench } from './bench.ts';
import type { Provoked } from './failures.ts';

const START = '2026-01-01T00:00:00Z';
const CONFIG_FILE = 'signing_config.json';

/** A token as Kubernetes makes them, but that no issuer signed: nothing here believes it, and nothing here has to. */
export function identityToken(claims: Record<string, unknown> = {}): string {
  const known = { iss: 'https://issuer.example.com', sub: 'system:serviceaccount:build:signer', aud: ['sigstore'], exp: 4_102_444_800, ...claims };
  const parts = [{ alg: 'RS256', typ: 'JWT' }, known].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return [...parts, Buffer.from('a signature that opens doors').toString('base64url')].join('.');
}

export const SECRET_TOKEN = identityToken();

/** The folder of a projected volume with the token. */
export async function bindToken(bench: Bench, token: string | undefined): Promise<string> {
  const folder = await bench.folder('identity-token');
  if (token !== undefined) await writeFile(join(folder, 'oidc-token'), `${token}\n`);
  return folder;
}

type Services = { fulcio?: string; tsa?: string; rekor?: { url: string; version: number }; end?: string };

/** A copy of the workspace trust with a signing config: the log of the bench and, unless told otherwise, a timestamp authority that nobody reaches. */
export async function trustWithConfig(
  bench: Bench,
  { fulcio, tsa = 'http://127.0.0.1:9/tsa', rekor = { url: bench.logUrl, version: 2 }, end }: Services,
): Promise<string> {
  const trust = await bench.folder('trust');
  await copyFile(join(bench.workspaces.trust, 'trusted_root.json'), join(trust, 'trusted_root.json'));
  const service = (url: string, majorApiVersion = 1) => ({
    url,
    majorApiVersion,
    operator: 'bench',
    validFor: { start: START, ...(end !== undefined && { end }) },
  });
  const config = {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: fulcio === undefined ? [] : [service(fulcio)],
    rekorTlogUrls: [service(rekor.url, rekor.version)],
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [service(tsa)],
    tsaConfig: { selector: 'ANY' },
  };
  await writeFile(join(trust, CONFIG_FILE), JSON.stringify(config));
  return trust;
}

/** A server that answers everything with 400 and this body, until `closeAll`. */
export function refusing(body: (request: SeenRequest) => string): Promise<ScriptedServer> {
  return serve((request, response) => response.writeHead(400, { 'content-type': 'application/json' }).end(body(request)));
}

const WITH_CONFIG = { 'rekor-url': '', 'signing-config': CONFIG_FILE };

async function keyless(
  bench: Bench,
  services: Services,
  names: Provoked['names'],
  more: { params?: Record<string, string>; token?: string | undefined } = {},
): Promise<Provoked> {
  const token = 'token' in more ? more.token : identityToken();
  const workspaces = { trust: await trustWithConfig(bench, services), 'identity-token': await bindToken(bench, token), 'signing-key': undefined };
  return { params: { ...WITH_CONFIG, ...more.params }, workspaces, names };
}

async function keyAndAuthority(bench: Bench, answer: (request: SeenRequest) => { status: number; body: string }): Promise<Provoked> {
  const tsa = await serve((request, response) => {
    const { status, body } = answer(request);
    response.writeHead(status).end(body);
  });
  return { params: WITH_CONFIG, workspaces: { trust: await trustWithConfig(bench, { tsa: tsa.url }) }, names: tsa.url };
}

const NOBODY = 'http://127.0.0.1:9';

/** The failures of keyless signing and of signing configs. */
export const KEYLESS_PROVOCATIONS = {
  SIGNER_UNCLEAR: (): Provoked => ({ workspaces: { 'signing-key': undefined }, names: /neither the workspace signing-key nor identity-token is bound/ }),
  SIGNING_CONFIG_CONFLICT: async (bench: Bench): Promise<Provoked> => ({
    params: { 'rekor-url': `${bench.logUrl}/another`, 'signing-config': CONFIG_FILE },
    workspaces: { trust: await trustWithConfig(bench, {}) },
    names: `rekor-url names the log ${bench.logUrl}/another, and the signing config ${bench.logUrl}`,
  }),
  SIGNING_CONFIG_INVALID: (): Provoked => ({
    params: { ...WITH_CONFIG, 'signing-config': 'trusted_root.json' },
    names: /no Sigstore signing config v0\.2: mediaType/,
  }),
  SIGNING_SERVICE_MISSING: (bench: Bench) =>
    keyless(bench, { fulcio: NOBODY, end: '2026-02-01T00:00:00Z' }, /names no certificate authority that is valid on 20/),
  TRUSTED_ROOT_MISSING: (bench: Bench) => keyless(bench, { fulcio: NOBODY }, 'needs a trusted root', { params: { 'trusted-root': '' } }),
  LOG_LATER_IMPOSSIBLE: (bench: Bench) =>
    keyless(bench, { fulcio: NOBODY, rekor: { url: bench.logUrl, version: 1 } }, 'go to Rekor v1', { params: { log: 'later' } }),
  IDENTITY_TOKEN_MISSING: (bench: Bench) => keyless(bench, { fulcio: NOBODY }, 'no file oidc-token', { token: undefined }),
  IDENTITY_TOKEN_INVALID: (bench: Bench) =>
    keyless(bench, { fulcio: NOBODY }, /oidc-token has expired at 2001-/, { token: identityToken({ exp: 1_000_000_000 }) }),
  FULCIO_REFUSED: async (bench: Bench) => {
    const fulcio = await refusing(() => JSON.stringify({ code: 3, message: 'There was an error processing the identity token' }));
    return keyless(bench, { fulcio: fulcio.url }, /status 400: There was an error processing the identity token/);
  },
  CERTIFICATE_INVALID: async (bench: Bench) => {
    const pem = `-----BEGIN CERTIFICATE-----\n${CERTIFICATE.toString('base64')}\n-----END CERTIFICATE-----\n`;
    const answer = JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates: [pem] } } });
    const fulcio = await serve((_request, response) => response.writeHead(201).end(answer));
    return keyless(bench, { fulcio: fulcio.url }, 'is a certificate for another key than ours');
  },
  TSA_REFUSED: (bench: Bench) => keyAndAuthority(bench, () => ({ status: 400, body: 'only SHA-512 here' })),
  TIMESTAMP_INVALID: (bench: Bench) => keyAndAuthority(bench, () => ({ status: 200, body: 'half past nine' })),
};
