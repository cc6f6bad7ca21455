// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { KEY_REFERENCE_FAILURES, KEY_REFERENCE_PARAMS } from '../../lib/spec/key-reference.ts';
import { KEYLESS_FAILURES, KEYLESS_PARAMS, KEYLESS_WORKSPACES } from '../../lib/spec/keyless.ts';
import { defaulted, optional } from '../../lib/spec/param.ts';
import { Flag, ServiceUrl, Sha256Digest, WorkspacePath } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';

export const spec = defineTask({
  name: 'cosign-sign',
  title: 'Sign an artifact or attest a document about it',
  description:
    'Signs an OCI artifact, or a document about it (SBOM, scan report, provenance) as in-toto attestation, with a cosign key or keyless, and publishes the Sigstore bundle as OCI 1.1 referrer, as cosign 3 does. A valid signature of the same signer is kept.',
  categories: ['Security'],
  tags: ['signing', 'cosign', 'sigstore', 'attestation'],
  image: 'required',
  params: {
    predicate: optional(WorkspacePath, {
      description: 'File in the workspace reports to attest. Without it the artifact itself is signed.',
      example: 'sbom.cdx.json',
    }),
    'predicate-type': optional(z.string().max(500), {
      description: 'cyclonedx, spdxjson, vuln, slsaprovenance, slsaprovenance1, openvex, vsa, custom, or a URI.',
      example: 'cyclonedx',
    }),
    'predicate-digest': optional(Sha256Digest, {
      description: 'Digest (sha256:…) that the file predicate must have; take it from the result of the Task that wrote the file.',
      example: 'sha256:4b825dc642cb6eb9a060e54bf8d69288fbee49044b825dc642cb6eb9a060e54b',
    }),
    log: defaulted(z.enum(['now', 'later', 'never']), 'now', {
      description:
        'When it goes into the transparency log: now, later (pending, which no verifier takes for a signature, until rekor-upload completes it), or never.',
      example: 'later',
    }),
    format: defaulted(z.enum(['bundle', 'legacy', 'both']), 'bundle', {
      description: 'bundle (OCI referrer, as cosign 3), legacy (tags .sig and .att, as cosign 2), or both.',
      example: 'both',
    }),
    recursive: defaulted(Flag, 'false', {
      description: 'Whether the children of an index are signed with it. One of true, false.',
      example: 'true',
    }),
    'referrers-mode': defaulted(z.enum(['auto', 'api', 'tag']), 'auto', {
      description: 'How referrers are listed: by the API of the registry, by a tag, or as found out.',
      example: 'tag',
    }),
    'rekor-url': optional(ServiceUrl, {
      description: 'URL of the Rekor v2 log; beside a signing-config, one that it chooses. log=now needs a log.',
      example: 'https://rekor.example.com',
    }),
    ...KEYLESS_PARAMS,
    ...KEY_REFERENCE_PARAMS,
    key: defaulted(WorkspacePath, 'cosign.key', {
      description: 'File in the workspace signing-key with the private key, encrypted as cosign does, or PKCS#8.',
      example: 'cosign.key',
    }),
    'key-password': defaulted(WorkspacePath, 'cosign.password', {
      description: 'File in the workspace signing-key with its password. Without the file it is empty.',
      example: 'cosign.password',
    }),
  },
  workspaces: {
    'signing-key': { description: 'Secret with cosign.key and cosign.password, or with the settings for key-ref.', optional: true, readOnly: true },
    ...KEYLESS_WORKSPACES,
    reports: { description: 'Folder with the document to attest.', optional: true, readOnly: true },
  },
  results: {
    'bundle-digest': {
      description: 'Digest of the referrer manifest that holds the signature; with log=later of the pending one, with format=legacy of the layer.',
    },
    'log-index': { description: 'Index of the entry in the transparency log, empty when there is none yet.' },
    action: { description: 'signed, pending, or kept when a valid signature was there already.' },
  },
  failures: {
    ...KEYLESS_FAILURES,
    ...KEY_REFERENCE_FAILURES,
    LEGACY_IMPOSSIBLE: { kind: 'input', hint: 'for format=legacy or both give log=never, or log=now and a signing config with a Rekor v1 log' },
    LEGACY_TAG_INVALID: { kind: 'refused', hint: 'find out who wrote the tag beside the artifact, and delete it if it is not what cosign wrote' },
    RECURSIVE_IMPOSSIBLE: { kind: 'input', hint: 'give log=now or log=never with recursive=true' },
    INDEX_TOO_LARGE: { kind: 'refused', hint: 'sign the manifests of the index one by one, or a smaller index' },
    TRUSTED_ROOT_MISSING: { kind: 'input', hint: 'bind the workspace trust and name the trusted root file with the param trusted-root' },
    KEY_MISSING: { kind: 'input', hint: 'bind the workspace signing-key to the Secret with the key, or name its file with the param key' },
    KEY_PASSWORD_WRONG: {
      kind: 'input',
      hint: 'put the password of the key into the file that the param key-password names (a trailing line break is ignored)',
    },
    KEY_INVALID: { kind: 'input', hint: 'use a key that "cosign generate-key-pair" wrote, or an unencrypted PKCS#8 key' },
    KEY_UNSUPPORTED: { kind: 'input', hint: 'use a key type that cosign and the logs take (docs/signing-keys.md): ECDSA P-256 goes everywhere' },
    FILE_MISSING: { kind: 'input', hint: 'let the params predicate, signing-config, trusted-root and ca-bundle name files in their workspaces' },
    PREDICATE_DIGEST_MISMATCH: {
      kind: 'denied',
      hint: 'the file was changed after the Task that wrote it; find out by whom before you run the Pipeline again',
    },
    PREDICATE_INVALID: { kind: 'input', hint: 'predicate must name a JSON file, and predicate-type its type' },
    REKOR_URL_MISSING: { kind: 'input', hint: 'give rekor-url or a signing-config with a log, or log=later or log=never' },
    TRUSTED_ROOT_INVALID: { kind: 'input', hint: 'give a Sigstore trusted root (JSON), e.g. from "cosign trusted-root create"' },
    LOG_UNKNOWN: { kind: 'input', hint: 'add the log that rekor-url or the signing config names to the trusted root' },
    REKOR_REFUSED: {
      kind: 'refused',
      hint: 'check that the URL is that of a log with the API version that it is named for, and that it takes signatures of this key type',
    },
    CHECKPOINT_UNTRUSTED: { kind: 'denied', hint: 'the log is not the one in the trusted root; find out which of the two is wrong before you sign again' },
    MANIFEST_UNKNOWN: { kind: 'refused', hint: 'push the artifact before it is signed, or correct the digest in the param image' },
    REGISTRY_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a valid login for the registry' },
    REGISTRY_DENIED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a login that may push to the repository' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again; what was done is kept' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later; what was done is kept' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again; what was done is kept' },
  },
  network: [
    'the registry of the artifact',
    'the Rekor log (only with log=now)',
    'Fulcio (keyless)',
    'the timestamp authorities of the signing config',
    'the service that keeps the key (key-ref)',
  ],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
});
