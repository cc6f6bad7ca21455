// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import type { SbomReader } from '../policy/sbom-reader.ts';
import { readCycloneDx } from '../sbom/read-cyclonedx.ts';
import { readSpdx } from '../sbom/read-spdx.ts';

/** Reads the SBOM of an attestation for the rules; see `readCycloneDx` and `readSpdx` for limits and errors. */
export const readSbomFacts: SbomReader = (predicate, what, format) => {
  if (format === 'spdx') {
    const { version, created, packages, rootDigests, reasons } = readSpdx(predicate, what);
    return {
      format: `SPDX ${version}`,
      components: packages.length,
      completeness: reasons.length > 0 ? 'incomplete' : 'not stated',
      rootDigests,
      reasons,
      created,
      packages,
    };
  }
  const facts = readCycloneDx(encode(predicate, what), what);
  return {
    format: `CycloneDX ${facts.specVersion}`,
    components: facts.components,
    completeness: facts.complete ? 'complete' : facts.reasons.length > 0 ? 'incomplete' : facts.stated ? 'unknown' : 'not stated',
    rootDigests: facts.rootDigest === undefined ? [] : [facts.rootDigest],
    reasons: facts.reasons,
    created: facts.timestamp,
    packages: facts.packages,
  };
};

function encode(predicate: unknown, what: string): Buffer {
  try {
    return Buffer.from(JSON.stringify(predicate ?? null));
  } catch (cause) {
    throw inputError('SBOM_INVALID', `${what} is nested too deeply to be an SBOM`, { cause });
  }
}
