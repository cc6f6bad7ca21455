// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { KEY_REFERENCE_FAILURES, KEY_REFERENCE_PARAMS } from '../../lib/spec/key-reference.ts';
import { KEYLESS_FAILURES, KEYLESS_PARAMS, KEYLESS_WORKSPACES } from '../../lib/spec/keyless.ts';
import { defaulted, optional } from '../../lib/spec/param.ts';
import { Flag, List, ServiceUrl, WorkspacePath } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';
import { VERDICT_FORMAT_NAMES } from '../../lib/spec/verdict-format.ts';

export const spec = defineTask({
  name: 'policy-check',
  title: 'Judge the evidence of an artifact',
  description:
    'Collects the evidence about an artifact (signatures, log entries, SBOM, attestations, vulnerability report), verifies it, and judges it by the rules of one policy file. Writes the verdict for machines and people (JSON, Markdown, HTML, SARIF, JUnit) and a SLSA verification summary (VSA), which is signed and published when a signing key or an identity token is bound. Missing evidence is a failed rule, never a silent pass.',
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
        'File in the workspace reports with the vulnerability report (JSON of grype, trivy, osv-scanner, CycloneDX or SARIF). Without it, and without an attested report, there is no scan.',
      example: 'scan.json',
    }),
    'gatekeeper-policies': optional(WorkspacePath, {
      description:
        'Folder in the workspace policy with ConstraintTemplates, Constraints, ExpansionTemplates and mutators of Gatekeeper, which count as rules of the verdict. They review the objects in the workspace manifests or, without it, a Pod with the image.',
      example: 'gatekeeper',
    }),
    manifests: defaulted(WorkspacePath, '.', {
      description: 'Folder in the workspace manifests with the objects that the Gatekeeper policies review.',
      example: 'deploy',
    }),
    'external-data': defaulted(z.enum(['never', 'verifier', 'recorded', 'provider']), 'never', {
      description:
        'Who answers Gatekeeper policies that ask for external data: never refuses them, verifier is the verdict of this policy about the image that is asked about, recorded a file, provider the Providers among the policies. One of never, verifier, recorded, provider.',
      example: 'verifier',
    }),
    'external-data-file': defaulted(WorkspacePath, 'external-data.json', {
      description: 'File in the workspace policy with the answers of external-data=recorded (JSON).',
      example: 'answers.json',
    }),
    enforce: defaulted(Flag, 'true', {
      description: 'With false a denied verdict is written and published, and the Task succeeds. One of true, false.',
      example: 'false',
    }),
    formats: defaulted(List.pipe(z.array(z.enum(VERDICT_FORMAT_NAMES)).max(20)), 'json,markdown', {
      description: `Forms in which the verdict is written into the workspace reports, separated by commas. Of ${VERDICT_FORMAT_NAMES.join(', ')}.`,
      example: 'json,html,junit',
    }),
    log: defaulted(z.enum(['now', 'later', 'never']), 'now', {
      description: 'When the signed VSA goes into the transparency log, as in cosign-sign. One of now, later, never.',
      example: 'later',
    }),
    'rekor-url': optional(ServiceUrl, {
      description: 'URL of the Rekor v2 log for the VSA; beside a signing-config, one that it chooses. log=now needs a log.',
      example: 'https://rekor.example.com',
    }),
    ...KEYLESS_PARAMS,
    ...KEY_REFERENCE_PARAMS,
    key: defaulted(WorkspacePath, 'cosign.key', { description: 'File in the workspace signing-key with the private key for the VSA.', example: 'cosign.key' }),
    'key-password': defaulted(WorkspacePath, 'cosign.password', {
      description: 'File in the workspace signing-key with the password of the key. A missing file stands for the empty password.',
      example: 'cosign.password',
    }),
  },
  workspaces: {
    policy: { description: 'ConfigMap, Secret or folder with the policy file and the key files that it names.', optional: false, readOnly: true },
    manifests: { description: 'Folder with the Kubernetes objects that the Gatekeeper policies review.', optional: true, readOnly: true },
    'provider-tls': {
      description: 'Secret with tls.crt and tls.key, which is shown to Providers that ask for a certificate (external-data=provider).',
      optional: true,
      readOnly: true,
    },
    reports: {
      description: 'Folder with the scan report; the verdict in the forms of the param formats, and vsa.json, are written to it.',
      optional: true,
      readOnly: false,
    },
    'signing-key': {
      description:
        'Secret with cosign.key and cosign.password of the verifier, or with the settings for key-ref. Without key, key-ref and identity-token the VSA is not published.',
      optional: true,
      readOnly: true,
    },
    ...KEYLESS_WORKSPACES,
  },
  results: {
    verdict: { description: 'passed or failed.' },
    failed: { description: 'Identifiers of the failed rules of level enforce, separated by commas.' },
    warnings: { description: 'Identifiers of the failed rules of level warn, separated by commas.' },
    'rules-passed': { description: 'How many rules of the stage passed.' },
    'rules-failed': { description: 'How many rules of level enforce failed.' },
    'rules-warned': { description: 'How many rules of level warn failed.' },
    'policy-digest': { description: 'Digest of the policy file and of the keys that it names.' },
    vsa: { description: 'Reference (repository@digest) of the signed VSA, empty when it was not published.' },
    'vsa-digest': { description: 'Digest of the referrer manifest with the signed VSA, empty when it was not published.' },
  },
  failures: {
    VERDICT_FAILED: { kind: 'denied', hint: 'the verdict names each failed rule, the object and what to do about it' },
    POLICY_INVALID: { kind: 'input', hint: 'correct the policy file; its JSON schema stands beside the Task' },
    KEY_INVALID: { kind: 'input', hint: 'let the policy name public keys (PEM, as cosign.pub), and the param key an encrypted cosign key' },
    FILE_MISSING: { kind: 'input', hint: 'let the params policy and scan-report, and the keys in the policy, name files in their workspaces' },
    FILE_UNWRITABLE: { kind: 'input', hint: 'let the volume behind the workspace reports be writable by the user of the step, for example with fsGroup' },
    GATEKEEPER_MISSING: { kind: 'input', hint: 'use the released image, or build the evaluator with "npm run evaluator"' },
    GATEKEEPER_POLICY_INVALID: { kind: 'input', hint: 'correct the file; "gator test" says the same about it' },
    GATEKEEPER_FILES_INVALID: { kind: 'input', hint: 'let gatekeeper-policies and manifests name folders of YAML or JSON files, at most 5000 and 32 MiB each' },
    GATEKEEPER_LIMIT: { kind: 'input', hint: 'look for a policy that loops over all of its inventory, or let fewer objects be reviewed at once' },
    EXTERNAL_DATA_INVALID: { kind: 'input', hint: 'correct the recorded answers, or the Provider among the policies' },
    EXTERNAL_DATA_REFUSED: { kind: 'refused', hint: 'look at the provider: it must answer with a ProviderResponse' },
    PARAM_UNUSED: { kind: 'input', hint: 'name the folder of the policies with gatekeeper-policies, or do not bind the workspace manifests' },
    SCAN_REPORT_INVALID: { kind: 'input', hint: 'give the JSON report of grype, trivy or osv-scanner, CycloneDX with vulnerabilities, or SARIF' },
    TRUSTED_ROOT_MISSING: { kind: 'input', hint: 'bind the workspace trust and name the trusted root file with the param trusted-root' },
    TRUSTED_ROOT_INVALID: { kind: 'input', hint: 'give a Sigstore trusted root (JSON), e.g. from "cosign trusted-root create"' },
    ...KEYLESS_FAILURES,
    ...KEY_REFERENCE_FAILURES,
    LOG_UNKNOWN: { kind: 'input', hint: 'add the log that rekor-url or the signing config names to the trusted root' },
    REKOR_URL_MISSING: { kind: 'input', hint: 'give rekor-url or a signing-config with a log, or log=later or log=never' },
    KEY_MISSING: { kind: 'input', hint: 'bind the workspace signing-key to the Secret with the key, or leave it out: the VSA is then not published' },
    KEY_PASSWORD_WRONG: { kind: 'input', hint: 'put the password of the key into the file that the param key-password names' },
    MANIFEST_UNKNOWN: { kind: 'refused', hint: 'correct the digest in the param image' },
    REKOR_REFUSED: { kind: 'refused', hint: 'check that rekor-url is that of a Rekor v2 log and that it takes signatures of this key type' },
    INDEX_TOO_LARGE: { kind: 'refused', hint: 'judge the manifests of the index one by one, or a smaller index' },
    REGISTRY_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a valid login for the registry' },
    REGISTRY_DENIED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a login for the repository' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again; nothing was judged' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later; nothing was judged' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again; nothing was judged' },
  },
  network: [
    'the registry of the artifact',
    'to publish the VSA: the Rekor log, Fulcio (keyless), the timestamp authorities of the signing config',
    'the services that keep keys (key-ref, and kms in the policy)',
  ],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '512Mi' } },
});
