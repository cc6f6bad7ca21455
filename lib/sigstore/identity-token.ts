// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import * as z from 'zod';
import { inputError, type StepError } from '../errors/errors.ts';
import { readBoundedIfPresent } from '../files/bounded-read.ts';
import { registerSecret } from '../log/redact.ts';

/** Where cosign looks for a projected token (cosign pkg/providers/filesystem). */
export const WELL_KNOWN_TOKEN_FOLDER = '/var/run/sigstore/cosign';

const MAX_TOKEN = 16 * 1024;
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

const Claims = z.object({
  iss: z.string().min(1).max(2000),
  sub: z.string().min(1).max(2000),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  email: z.string().min(1).max(500).optional(),
  exp: z.number().min(0).max(1e11),
});

/** An OpenID Connect token and what it claims; only Fulcio verifies it. `token` is a secret. `challenge` is what proof of possession is made over: the e-mail address where there is one, else the subject (fulcio.proto, PublicKeyRequest). */
export type IdentityToken = { token: string; issuer: string; subject: string; audience: string; challenge: string };

/**
 * Reads the token in `folder`, anew for every signature, because kubelet replaces it before it expires.
 * Throws input IDENTITY_TOKEN_MISSING, IDENTITY_TOKEN_INVALID (no token, or one that has expired). Messages never hold any part of it but issuer and audience.
 */
export async function readIdentityToken(folder: string, file: string, now: Date): Promise<IdentityToken> {
  const bytes = await readBoundedIfPresent(join(folder, file), MAX_TOKEN, 'identity token file');
  if (!bytes) throw inputError('IDENTITY_TOKEN_MISSING', `there is no file ${file} in ${folder}`);
  return parseIdentityToken(bytes.toString('utf8').trim(), file, now);
}

/** The same of a token that is at hand; `file` is what messages call the place that it came from. Throws input IDENTITY_TOKEN_INVALID. */
export function parseIdentityToken(token: string, file: string, now: Date): IdentityToken {
  registerSecret(token);
  // The last part alone is as good as the whole for whoever knows the claims.
  registerSecret(token.slice(token.lastIndexOf('.') + 1));
  const { iss, sub, aud = [], email, exp } = parseClaims(token, file);
  if (exp * 1000 <= now.getTime()) throw invalid(file, `has expired at ${new Date(exp * 1000).toISOString()}`);
  return { token, issuer: iss, subject: sub, audience: [aud].flat().join(', '), challenge: email ?? sub };
}

function parseClaims(token: string, file: string): z.output<typeof Claims> {
  const [, payload] = JWT.exec(token) ?? [];
  if (payload === undefined) throw invalid(file, 'is no JSON Web Token');
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    // Without the cause: a parser's message quotes what it could not read.
    throw invalid(file, 'has a payload that is no JSON');
  }
  const claims = Claims.safeParse(json);
  if (!claims.success) throw invalid(file, `lacks the claim ${claims.error.issues[0]?.path.join('.')}`);
  return claims.data;
}

function invalid(file: string, problem: string): StepError {
  return inputError('IDENTITY_TOKEN_INVALID', `the identity token in ${file} ${problem}`);
}
