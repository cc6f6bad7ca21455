// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, testClient } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { COSIGN_KEY } from '../sigstore/test-keys.ts';
import { openSigner } from './open-signer.ts';
import { isKeyless } from './signer.ts';

const NOW = new Date('2026-08-15T12:00:00Z');
const FULCIO = 'https://fulcio.example.com';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signer-'));
  for (const name of ['key', 'token', 'well-known', 'empty']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'key', 'cosign.key'), COSIGN_KEY.privatePem);
  await writeFile(join(folder, 'key', 'cosign.password'), COSIGN_KEY.password);
  for (const name of ['token', 'well-known']) await writeFile(join(folder, name, 'oidc-token'), jwt(name));
});
afterAll(() => rm(folder, { recursive: true }));

function jwt(subject: string): string {
  const claims = { iss: 'https://issuer.example.com', sub: subject, exp: NOW.getTime() / 1000 + 60 };
  return ['{}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');
}

type Bound = { key?: string; token?: string; wellKnown?: string; reference?: string };

function open({ key, token, wellKnown = 'empty', reference }: Bound, fulcio: 'no Fulcio' | typeof FULCIO = FULCIO): ReturnType<typeof openSigner> {
  const at = (name: string | undefined): string | undefined => (name === undefined ? undefined : join(folder, name));
  const inputs = {
    params: { key: 'cosign.key', 'key-password': 'cosign.password', 'key-ref': reference, 'identity-token': 'oidc-token' },
    workspaces: { 'signing-key': at(key), 'identity-token': at(token) },
  };
  return openSigner(inputs, { http: testClient(), log: silentLogger, now: () => NOW }, fulcio === FULCIO ? FULCIO : undefined, join(folder, wellKnown));
}

describe('openSigner', () => {
  it.each([
    ['the key', { key: 'key' }, 'cosign.key'],
    ['the key, even where a token lies where cosign looks', { key: 'key', wellKnown: 'well-known' }, 'cosign.key'],
    ['the token of the workspace', { token: 'token' }, 'token'],
    ['the token of the workspace, before that where cosign looks', { token: 'token', wellKnown: 'well-known' }, 'token'],
    ['the token where cosign looks', { wellKnown: 'well-known' }, 'well-known'],
  ])('%s signs', async (_what, bound, expected) => {
    const signer = await open(bound);
    expect(isKeyless(signer) ? signer.token.subject : signer.name).toBe(expected);
  });

  it.each([
    ['nothing', {}, 'SIGNER_UNCLEAR'],
    ['both', { key: 'key', token: 'token' }, 'SIGNER_UNCLEAR'],
    ['a reference and a token', { reference: 'hashivault://release', token: 'token' }, 'SIGNER_UNCLEAR'],
    ['a reference without its settings', { reference: 'hashivault://release', key: 'key', wellKnown: 'well-known' }, 'KMS_SETTING_MISSING'],
    ['a workspace without the key', { key: 'empty' }, 'KEY_MISSING'],
    ['a workspace without the token', { token: 'empty' }, 'IDENTITY_TOKEN_MISSING'],
  ])('%s is refused', async (_what, bound, code) => {
    expect(await failureOf(open(bound))).toMatchObject({ kind: 'input', code });
  });

  it('a token is of no use without a certificate authority', async () => {
    expect(await failureOf(open({ token: 'token' }, 'no Fulcio'))).toMatchObject({ kind: 'input', code: 'SIGNING_SERVICE_MISSING' });
  });
});
