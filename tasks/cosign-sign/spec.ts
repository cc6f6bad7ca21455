// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defaulted, optional } from '../../lib/spec/param.ts';
import { ServiceUrl, Sha256Digest, WorkspacePath } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';

export const spec = defineTask({
  name: 'cosign-sign',
  title: 'Sign an artifact or attest a document about it',
  description:
    'Signs an OCI artifact with a cosign key, or signs a document about it (an SBOM, a scan report, provenance) as an in-toto attestation, and publishes the Sigstore bundle as OCI 1.1 referrer of the artifact, as cosign 3 does. A valid signature of the same key that is there already is kept.',
  categories: ['Security'],
  tags: ['signing', 'cosign', 'sigstore', 'attestation'],
  image: 'required',
  params: {
    predicate: optional(WorkspacePath, {
      description: 'File in the workspace reports to attest. Without it the artifact itself is signed.',
      example: 'sbom.cdx.json',
    }),
    'predicate-type': optional(z.string().max(500), {
      description: 'Type of the predicate: cyclonedx, spdxjson, vuln, slsaprovenance, slsaprovenance1, openvex, vsa, custom, or a URI.',
      example: 'cyclonedx',
    }),
    'predicate-digest': optional(Sha256Digest, {
      description: 'Digest (sha256:…) that the file predicate must have; take it from the result of the Task that wrote the file.',
      example: 'sha256:4b825dc642cb6eb9a060e54bf8d69288fbee49044b825dc642cb6eb9a060e54b',
    }),
    log: defaulted(z.enum(['now', 'later', 'never']), 'now', {
      description:
        'When the signature goes into the transparency log: now; later (published as pending, which no verifier takes for a signature, until rekor-upload completes it); or never. One of now, later, never.',
      example: 'later',
    }),
    'rekor-url': optional(ServiceUrl, {
      description: 'URL of the Rekor v2 log. Needed with log=now.',
      example: 'https://rekor.example.com',
    }),
    key: defaulted(WorkspacePath, 'cosign.key', {
      description: 'File in the workspace signing-key with the encrypted private key, as "cosign generate-key-pair" writes it.',
      example: 'cosign.key',
    }),
    'key-password': defaulted(WorkspacePath, 'cosign.password', {
      description: 'File in the workspace signing-key with the password of the key. A missing file stands for the empty password.',
      example: 'cosign.password',
    }),
  },
  workspaces: {
    'signing-key': { description: 'Secret with cosign.key and cosign.password.', optional: false, readOnly: true },
    reports: { description: 'Folder with the document to attest.', optional: true, readOnly: true },
  },
  results: {
    'bundle-digest': { description: 'Digest of the referrer manifest that holds the signature; with log=later of the pending one.' },
    'log-index': { description: 'Index of the entry in the transparency log, empty when there is none yet.' },
    action: { description: 'signed, pending, or kept when a valid signature was there already.' },
  },
  failures: {
    KEY_MISSING: { kind: 'input', hint: 'bind the workspace signing-key to the Secret with the key, or name its file with the param key' },
    KEY_PASSWORD_WRONG: {
      kind: 'input',
      hint: 'put the password of the key into the file that the param key-password names (a trailing line break is ignored)',
    },
    KEY_INVALID: { kind: 'input', hint: 'use a key that "cosign generate-key-pair" wrote' },
    FILE_MISSING: { kind: 'input', hint: 'let the params predicate, trusted-root and ca-bundle name files in their workspaces' },
    PREDICATE_DIGEST_MISMATCH: {
      kind: 'denied',
      hint: 'the file was changed after the Task that wrote it; find out by whom before you run the Pipeline again',
    },
    PREDICATE_INVALID: { kind: 'input', hint: 'predicate must name a JSON file, and predicate-type its type' },
    REKOR_URL_MISSING: { kind: 'input', hint: 'give rekor-url, or log=later or log=never' },
    TRUSTED_ROOT_INVALID: { kind: 'input', hint: 'give a Sigstore trusted root (JSON), e.g. from "cosign trusted-root create"' },
    LOG_UNKNOWN: { kind: 'input', hint: 'add the log that rekor-url names to the trusted root' },
    REKOR_REFUSED: { kind: 'refused', hint: 'check that rekor-url is that of a Rekor v2 log and that it takes signatures of this key type' },
    CHECKPOINT_UNTRUSTED: { kind: 'denied', hint: 'the log is not the one in the trusted root; find out which of the two is wrong before you sign again' },
    MANIFEST_UNKNOWN: { kind: 'refused', hint: 'push the artifact before it is signed, or correct the digest in the param image' },
    REGISTRY_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a valid login for the registry' },
    REGISTRY_DENIED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a login that may push to the repository' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again; what was done is kept' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later; what was done is kept' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again; what was done is kept' },
  },
  network: ['the registry of the artifact', 'the Rekor log (only with log=now)'],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
});
