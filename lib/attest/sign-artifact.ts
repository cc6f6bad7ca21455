// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { parseStatement } from '../intoto/statement.ts';
import { type DsseBundle, signStatement, withTimestamps } from '../sigstore/bundle.ts';
import { certifyNewKey } from '../sigstore/fulcio.ts';
import type { IdentityToken } from '../sigstore/identity-token.ts';
import { signArtifactBytes } from '../sigstore/sign-artifact-bytes.ts';
import { addToLogs, signerKey } from './log.ts';
import type { Services } from './open-services.ts';

/**
 * Signs bytes keyless as they are, or as the in-toto statement that they hold in an envelope; timestamped and logged by the services. The bundle is for the caller to verify, who knows which trusted root to believe.
 * Throws input SIGNING_SERVICE_MISSING, denied STATEMENT_INVALID for bytes that are no statement, and what certificate authority, timestamp authorities and logs throw.
 */
export async function signArtifact(
  { bytes, isStatement }: { bytes: Buffer; isStatement: boolean },
  { fulcio, rekor, furtherLogs, authorities }: Services,
  by: { http: Http; token: IdentityToken; now: Date },
): Promise<DsseBundle> {
  if (!fulcio || !rekor) throw inputError('SIGNING_SERVICE_MISSING', 'the signing config has to name a certificate authority and a transparency log');
  if (authorities.length === 0 && ![rekor, ...furtherLogs].some(({ datesEntries }) => datesEntries))
    throw inputError('SIGNING_SERVICE_MISSING', 'the signing config names no timestamp authority, and no log that dates its entries (Rekor v1)');
  if (isStatement) parseStatement(bytes, 'the file to sign');
  const { privateKey, certificate } = await certifyNewKey({ ...by, url: fulcio });
  const signed = isStatement ? signStatement(bytes, privateKey, certificate) : signArtifactBytes(bytes, privateKey, certificate);
  const stamps = await Promise.all(authorities.map((stamp) => stamp(signed.signature)));
  return addToLogs([rekor, ...furtherLogs], stamps.length > 0 ? withTimestamps(signed, stamps) : signed, signerKey(signed, undefined));
}
