// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defaulted, optional } from '../../lib/spec/param.ts';
import { Flag, ServiceUrl, WorkspacePath } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';

export const spec = defineTask({
  name: 'policy-check',
  title: 'Judge the evidence of an artifact',
  description:
    'Collects the evidence about an artifact (signatures, log entries, SBOM, attestations, vulnerability report), verifies it, and judges it by the rules of one policy file. Writes the verdict as JSON and Markdown and a SLSA verification summary (VSA), which is signed and published when a signing key is bound. Missing evidence is a failed rule, never a silent pass.',
  categories: ['Security'],
  tags: ['policy', 'verification', 'slsa', 'vsa'],
  image: 'required',
  params: {
    policy: defaulted(WorkspacePath, 'policy.yaml', { description: 'File in the workspace policy with the rules.', example: 'policy.yaml' }),
    stage: defaulted(z.enum(['build', 'deploy']), 'build', {
      description: 'Only the rules of this stage are judged. One of build, deploy.',
      example: 'deploy',
    }),
    'scan-report': optional(WorkspacePath, {
      description:
        'File in the workspace reports with the vulnerability report of grype or trivy (JSON). Without it, and without an attested report, there is no scan.',
      example: 'scan.json',
    }),
    enforce: defaulted(Flag, 'true', {
      description: 'With false a denied verdict is written and published, and the Task succeeds. One of true, false.',
      example: 'false',
    }),
    log: defaulted(z.enum(['now', 'later', 'never']), 'now', {
      description: 'When the signed VSA goes into the transparency log, as in cosign-sign. One of now, later, never.',
      example: 'later',
    }),
    'rekor-url': optional(ServiceUrl, {
      description: 'URL of the Rekor v2 log for the VSA. Needed with log=now and a signing key.',
      example: 'https://rekor.example.com',
    }),
    key: defaulted(WorkspacePath, 'cosign.key', { description: 'File in the workspace signing-key with the private key for the VSA.', example: 'cosign.key' }),
    'key-password': defaulted(WorkspacePath, 'cosign.password', {
      description: 'File in the workspace signing-key with the password of the key. A missing file stands for the empty password.',
      example: 'cosign.password',
    }),
  },
  workspaces: {
    policy: { description: 'ConfigMap, Secret or folder with the policy file and the key files that it names.', optional: false, readOnly: true },
    reports: { description: 'Folder with the scan report; verdict.json, verdict.md and vsa.json are written to it.', optional: true, readOnly: false },
    'signing-key': {
      description: 'Secret with cosign.key and cosign.password of the verifier. Without it the VSA is not published.',
      optional: true,
      readOnly: true,
    },
  },
  results: {
    verdict: { description: 'passed or failed.' },
    failed: { description: 'Identifiers of the failed rules of level enforce, separated by commas.' },
    warnings: { description: 'Identifiers of the failed rules of level warn, separated by commas.' },
    'policy-digest': { description: 'Digest of the policy file and of the keys that it names.' },
    'vsa-digest': { description: 'Digest of the referrer manifest with the signed VSA, empty when it was not published.' },
  },
  failures: {
    VERDICT_FAILED: { kind: 'denied', hint: 'the verdict names each failed rule, the object and what to do about it' },
    POLICY_INVALID: { kind: 'input', hint: 'correct the policy file; its JSON schema stands beside the Task' },
    KEY_INVALID: { kind: 'input', hint: 'let the policy name public keys (PEM, as cosign.pub), and the param key an encrypted cosign key' },
    FILE_MISSING: { kind: 'input', hint: 'let the params policy and scan-report, and the keys in the policy, name files in their workspaces' },
    FILE_UNWRITABLE: { kind: 'input', hint: 'let the volume behind the workspace reports be writable by the user of the step, for example with fsGroup' },
    SCAN_REPORT_INVALID: { kind: 'input', hint: 'give the JSON report of grype (-o json) or trivy (--format json)' },
    TRUSTED_ROOT_MISSING: { kind: 'input', hint: 'bind the workspace trust and name the trusted root file with the param trusted-root' },
    TRUSTED_ROOT_INVALID: { kind: 'input', hint: 'give a Sigstore trusted root (JSON), e.g. from "cosign trusted-root create"' },
    LOG_UNKNOWN: { kind: 'input', hint: 'add the log that rekor-url names to the trusted root' },
    REKOR_URL_MISSING: { kind: 'input', hint: 'give rekor-url, or log=later or log=never' },
    KEY_MISSING: { kind: 'input', hint: 'bind the workspace signing-key to the Secret with the key, or leave it out: the VSA is then not published' },
    KEY_PASSWORD_WRONG: { kind: 'input', hint: 'put the password of the key into the file that the param key-password names' },
    MANIFEST_UNKNOWN: { kind: 'refused', hint: 'correct the digest in the param image' },
    REKOR_REFUSED: { kind: 'refused', hint: 'check that rekor-url is that of a Rekor v2 log and that it takes signatures of this key type' },
    REGISTRY_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a valid login for the registry' },
    REGISTRY_DENIED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a login for the repository' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again; nothing was judged' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later; nothing was judged' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again; nothing was judged' },
  },
  network: ['the registry of the artifact', 'the Rekor log (only to publish the VSA)'],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
});
