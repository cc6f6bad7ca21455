// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { PREDICATE_TYPE } from './predicate-type.ts';

// Written out a second time on purpose: cosign and every other verifier look for exactly these.
it('the URIs of the predicate types are the ones that others write', () => {
  expect(PREDICATE_TYPE).toEqual({
    signature: 'https://sigstore.dev/cosign/sign/v1',
    cyclonedx: 'https://cyclonedx.org/bom',
    spdxjson: 'https://spdx.dev/Document',
    vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
    slsaprovenance: 'https://slsa.dev/provenance/v0.2',
    slsaprovenance1: 'https://slsa.dev/provenance/v1',
    openvex: 'https://openvex.dev/ns',
    custom: 'https://cosign.sigstore.dev/attestation/v1',
    vsa: 'https://slsa.dev/verification_summary/v1',
  });
});
