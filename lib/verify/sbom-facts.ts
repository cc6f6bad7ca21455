// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import type { SbomReader } from '../policy/sbom-reader.ts';
import { readCycloneDx } from '../sbom/read-cyclonedx.ts';

/** Reads the SBOM of an attestation for the rules; see `readCycloneDx` for limits and errors. */
export const readSbomFacts: SbomReader = (predicate, what) => {
  const facts = readCycloneDx(encode(predicate, what), what);
  return {
    format: `CycloneDX ${facts.specVersion}`,
    components: facts.components,
    completeness: facts.complete ? 'complete' : facts.reasons.length > 0 ? 'incomplete' : facts.stated ? 'unknown' : 'not stated',
    rootDigests: facts.rootDigest === undefined ? [] : [facts.rootDigest],
    reasons: facts.reasons,
  };
};

function encode(predicate: unknown, what: string): Buffer {
  try {
    return Buffer.from(JSON.stringify(predicate ?? null));
  } catch (cause) {
    throw inputError('SBOM_INVALID', `${what} is nested too deeply to be an SBOM`, { cause });
  }
}
