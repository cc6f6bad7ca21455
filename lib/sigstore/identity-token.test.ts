// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf } from '../http/test-server.ts';
import { scrub } from '../log/redact.ts';
import { readIdentityToken } from './identity-token.ts';

const NOW = new Date('2026-08-15T12:00:00Z');
const CLAIMS = { iss: 'https://issuer.example.com', sub: 'system:serviceaccount:build:bot', aud: ['sigstore'], exp: NOW.getTime() / 1000 + 600 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-'));
});
afterAll(() => rm(folder, { recursive: true }));

function jwt(payload: string): string {
  return ['{"alg":"RS256"}', payload, 'signature of the issuer'].map((part) => Buffer.from(part).toString('base64url')).join('.');
}

async function read(content: string | Buffer): ReturnType<typeof readIdentityToken> {
  await writeFile(join(folder, 'oidc-token'), content);
  return readIdentityToken(folder, 'oidc-token', NOW);
}

describe('readIdentityToken', () => {
  it('reads a projected service account token', async () => {
    const token = jwt(JSON.stringify(CLAIMS));
    expect(await read(`${token}\n`)).toEqual({ token, issuer: CLAIMS.iss, subject: CLAIMS.sub, audience: 'sigstore', challenge: CLAIMS.sub });
  });

  it.each([
    ['an e-mail address is what possession is proved over', { email: 'dev@example.com' }, { challenge: 'dev@example.com', subject: CLAIMS.sub }],
    ['an audience may be a text', { aud: 'fulcio' }, { audience: 'fulcio' }],
    ['several audiences', { aud: ['a', 'b'] }, { audience: 'a, b' }],
  ])('%s', async (_what, changes, expected) => {
    expect(await read(jwt(JSON.stringify({ ...CLAIMS, ...changes })))).toMatchObject(expected);
  });

  it('hides the token and its signature in whatever is said from then on', async () => {
    const token = jwt(JSON.stringify(CLAIMS));
    await read(token);
    expect(scrub(`Fulcio says ${token}, ${token.split('.')[2]}`)).toBe('Fulcio says ***, ***');
  });

  it('reads the file anew each time, because it is replaced', async () => {
    await read(jwt(JSON.stringify(CLAIMS)));
    expect((await read(jwt(JSON.stringify({ ...CLAIMS, sub: 'another' })))).subject).toBe('another');
  });

  it('a file that is not there is missing', async () => {
    expect(await failureOf(readIdentityToken(folder, 'other', NOW))).toMatchObject({ kind: 'input', code: 'IDENTITY_TOKEN_MISSING' });
  });

  it.each([
    ['that is empty', ''],
    ['of one part', 'secret-words'],
    ['of five parts (encrypted)', 'secret-a.secret-b.secret-c.secret-d.secret-e'],
    ['with a payload that is no JSON', jwt('secret-words')],
    ['with a payload that is no object', jwt('[]')],
    ['without issuer', jwt(JSON.stringify({ ...CLAIMS, iss: undefined }))],
    ['without subject', jwt(JSON.stringify({ ...CLAIMS, sub: '' }))],
    ['without an end', jwt(JSON.stringify({ ...CLAIMS, exp: undefined }))],
    ['with an end that no calendar has', jwt(JSON.stringify({ ...CLAIMS, exp: -1e300 }))],
    ['that has expired this second', jwt(JSON.stringify({ ...CLAIMS, exp: NOW.getTime() / 1000 }))],
  ])('refuses a token %s, and says nothing of it', async (_what, content) => {
    const failure = await failureOf(read(content));
    expect(failure).toMatchObject({ kind: 'input', code: 'IDENTITY_TOKEN_INVALID', cause: undefined });
    expect(failure.message).not.toMatch(/secret|eyJ/);
  });

  it('refuses a file that is longer than any token', async () => {
    expect(await failureOf(read(Buffer.alloc(16 * 1024 + 1, 'a')))).toMatchObject({ kind: 'input', code: 'FILE_TOO_LARGE' });
  });
});
