// SPDX-License-Identifier: Apache-2.0

/** Predicate types by the short names that cosign's `--type` knows, with the URIs that it writes; `signature` is the statement of `cosign sign`, `vsa` the SLSA verification summary. */
export const PREDICATE_TYPE = {
  signature: 'https://sigstore.dev/cosign/sign/v1',
  cyclonedx: 'https://cyclonedx.org/bom',
  spdxjson: 'https://spdx.dev/Document',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  slsaprovenance: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance1: 'https://slsa.dev/provenance/v1',
  openvex: 'https://openvex.dev/ns',
  custom: 'https://cosign.sigstore.dev/attestation/v1',
  vsa: 'https://slsa.dev/verification_summary/v1',
} as const;

/** The URI for a short name of the table, or the text itself when it is an absolute URI; undefined for anything else. */
export function predicateTypeUri(nameOrUri: string): string | undefined {
  if (Object.hasOwn(PREDICATE_TYPE, nameOrUri)) return PREDICATE_TYPE[nameOrUri as keyof typeof PREDICATE_TYPE];
  return /^https?:\/\/[^\s]{1,500}$/.test(nameOrUri) ? nameOrUri : undefined;
}

/** The short name of a predicate type URI, or the URI itself when it has none. */
export function predicateTypeName(uri: string): string {
  return Object.entries(PREDICATE_TYPE).find(([, value]) => value === uri)?.[0] ?? uri;
}
