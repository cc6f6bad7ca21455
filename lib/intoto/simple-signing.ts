// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { deniedError } from '../errors/errors.ts';
import { parseStrictJson } from './strict-json.ts';

/** `critical.type` of a cosign signature (sigstore pkg/signature/payload). */
const TYPE = 'cosign container image signature';

const SimpleSigning = z.object({ critical: z.object({ type: z.string(), image: z.object({ 'docker-manifest-digest': z.string() }) }) });

/** What cosign's legacy signature of an artifact covers (containers/image, "atomic container signature" format); equal input gives equal bytes. */
export function encodeSimpleSigning(repository: string, digest: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      critical: { identity: { 'docker-reference': repository }, image: { 'docker-manifest-digest': digest }, type: TYPE },
      optional: null,
    }),
  );
}

/** The digest (`sha256:<hex>`) of the artifact that a simple-signing payload is about. The repository in it is ignored, as by cosign: artifacts are copied. Throws denied SIMPLE_SIGNING_INVALID, naming `what`. */
export function simpleSigningDigest(payload: Buffer, what: string): string {
  let json: unknown;
  try {
    json = parseStrictJson(payload.toString('utf8'));
  } catch (cause) {
    const why = cause instanceof SyntaxError || !(cause instanceof Error) ? 'does not hold JSON' : `holds JSON that ${cause.message}`;
    throw deniedError('SIMPLE_SIGNING_INVALID', `${what} ${why}`, { cause });
  }
  const parsed = SimpleSigning.safeParse(json);
  if (!parsed.success || parsed.data.critical.type !== TYPE)
    throw deniedError('SIMPLE_SIGNING_INVALID', `${what} is not a "${TYPE}" (critical.type and critical.image.docker-manifest-digest)`);
  return parsed.data.critical.image['docker-manifest-digest'];
}
