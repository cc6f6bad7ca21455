// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { optional } from './param.ts';
import type { FailureSpec } from './spec.ts';

const KeyReference = z
  .string()
  .max(1100)
  .regex(/^[a-z][a-z0-9-]*:\/\/[\x21-\x7e]+$/, 'must be a reference such as hashivault://KEY');

/** The param of every step that can sign with a key that is kept elsewhere. */
export const KEY_REFERENCE_PARAMS = {
  'key-ref': optional(KeyReference, {
    description: 'Reference to a key kept elsewhere, as cosign writes it (k8s://, gcpkms://, hashivault://, …).',
    example: 'hashivault://release',
  }),
};

/** How such a step can fail that one with a key file cannot. */
export const KEY_REFERENCE_FAILURES = {
  KEY_REFERENCE_INVALID: {
    kind: 'input',
    hint: 'write k8s://NAMESPACE/SECRET, gcpkms://projects/…/cryptoKeyVersions/N, hashivault://KEY, openbao://KEY or NAME://…, as for cosign',
  },
  KMS_SETTING_MISSING: { kind: 'input', hint: 'put the setting that is named as a file into the workspace signing-key (docs/signing-keys.md)' },
  KMS_SETTING_INVALID: { kind: 'input', hint: 'correct the setting that is named, a file in the workspace signing-key or a variable' },
  KMS_PLUGIN_MISSING: { kind: 'input', hint: 'use an image that holds the program sigstore-kms-NAME on its PATH (docs/signing-keys.md)' },
  KMS_PLUGIN_FAILED: { kind: 'refused', hint: 'the log holds what the program said; it must speak the protocol v1 of sigstore' },
  KMS_REFUSED: { kind: 'refused', hint: 'let the identity read the public key and sign with it (docs/signing-keys.md names the rights)' },
  KMS_ANSWER_INVALID: {
    kind: 'refused',
    hint: 'the service answered for another key, or not at all as it should: check the address, and whether the key was rotated just now',
  },
  KMS_CORRUPTED: { kind: 'transient', hint: 'run the Task again; a checksum told that bytes were changed on the way' },
  METADATA_REFUSED: { kind: 'refused', hint: 'let the pod run under a service account that Google Cloud knows (workload identity)' },
  KUBE_NOT_IN_CLUSTER: { kind: 'input', hint: 'k8s:// is for a step that runs in a pod; elsewhere use a key file' },
  KUBE_FORBIDDEN: { kind: 'refused', hint: 'give the service account a Role that may get this one Secret (docs/signing-keys.md)' },
  KUBE_NOT_FOUND: { kind: 'refused', hint: 'correct the namespace or name in key-ref' },
} satisfies Record<string, FailureSpec>;
