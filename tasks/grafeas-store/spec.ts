// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defaulted, optional, required } from '../../lib/spec/param.ts';
import { Flag, ServiceUrl, WorkspacePath } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';

const Project = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}(\/locations\/[a-z0-9-]{1,40})?$/, 'must be a project, or project/locations/location');
const NoteId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be at most 64 letters, digits and ._-, beginning with a letter or digit');
const Line = z.string().regex(/^[\x20-\x7e]{1,1000}$/, 'must be one line of at most 1000 printable ASCII characters');

export const spec = defineTask({
  name: 'grafeas-store',
  title: 'Record an artifact in a Grafeas metadata store',
  description: 'Records evidence, a scan or a deployment of an artifact as Grafeas occurrences, each once, or queries them.',
  categories: ['Integration & Delivery', 'Security'],
  tags: ['grafeas', 'metadata', 'attestation', 'sbom', 'provenance'],
  image: 'required',
  params: {
    'grafeas-url': required(ServiceUrl, { description: 'URL of the Grafeas server.', example: 'https://grafeas.example.com' }),
    project: required(Project, {
      description: 'Project of notes and occurrences, with Google also project/locations/location.',
      example: 'supply-chain',
    }),
    mode: defaulted(z.enum(['evidence', 'deployment', 'query']), 'evidence', {
      description: 'What to record, or query to read what is recorded. One of evidence, deployment, query.',
      example: 'deployment',
    }),
    api: defaulted(z.enum(['auto', 'v1', 'v1beta1']), 'auto', {
      description: 'Version of the API; auto finds out. One of auto, v1, v1beta1.',
      example: 'v1beta1',
    }),
    'note-id': defaulted(NoteId, 'tekton-supply-chain', {
      description: 'Beginning of the names of the notes, for example the note id that Tekton Chains has.',
      example: 'tekton-release',
    }),
    'resource-uri-scheme': defaulted(z.enum(['https', 'none', 'oci']), 'https', {
      description: 'How the resource URI of the artifact begins; Tekton Chains writes none. One of https, none, oci.',
      example: 'none',
    }),
    policy: defaulted(WorkspacePath, 'policy.yaml', {
      description: 'File in the workspace policy that names the signers to believe, as for policy-check.',
      example: 'policy.yaml',
    }),
    'scan-report': optional(WorkspacePath, {
      description: 'File in the workspace reports with the vulnerability report of grype or trivy (JSON).',
      example: 'scan.json',
    }),
    enforce: defaulted(Flag, 'true', {
      description: 'With false the Task succeeds also when no evidence of the artifact verifies. One of true, false.',
      example: 'false',
    }),
    'deploy-address': optional(Line, {
      description: 'Where it was deployed to, for mode=deployment.',
      example: 'https://argocd.example.com/applications/shop',
    }),
    'deploy-config': optional(Line, {
      description: 'Configuration that deployed it, usually the GitOps commit, for mode=deployment.',
      example: 'https://git.example.com/team/deploy@6e1f2d3c4b5a69788796a5b4c3d2e1f001234567',
    }),
    'deploy-user': optional(Line, { description: 'E-mail address of the person or account that deployed it.', example: 'release@example.com' }),
  },
  workspaces: {
    policy: {
      description: 'ConfigMap or Secret with policy and key files. Without it only the scan report is recorded.',
      optional: true,
      readOnly: true,
    },
    reports: { description: 'Folder with the scan report; occurrences.json is written to it.', optional: true, readOnly: false },
    'grafeas-credentials': {
      description: 'Secret with a bearer token (token), or a client certificate and its key (tls.crt, tls.key).',
      optional: true,
      readOnly: true,
    },
  },
  results: {
    occurrences: { description: 'Number of occurrences that the store holds of those that were asked for or found.' },
    created: { description: 'Number of occurrences that this run added.' },
  },
  failures: {
    EVIDENCE_UNVERIFIED: { kind: 'denied', hint: 'sign the artifact with a key that the policy names as signer; the log names the reason for each piece' },
    NOTHING_TO_STORE: { kind: 'input', hint: 'bind the workspace policy, to record evidence, or give scan-report' },
    POLICY_INVALID: { kind: 'input', hint: 'correct the policy file; its JSON schema stands beside the Task policy-check' },
    KEY_INVALID: { kind: 'input', hint: 'let the policy name public keys (PEM, as cosign.pub)' },
    FILE_MISSING: { kind: 'input', hint: 'let the params policy and scan-report, and the keys in the policy, name files in their workspaces' },
    SCAN_REPORT_INVALID: { kind: 'input', hint: 'give the JSON report of grype (-o json) or trivy (--format json)' },
    SCAN_REPORT_MISMATCH: { kind: 'input', hint: 'scan the artifact by the digest that the param image holds' },
    DEPLOYMENT_INCOMPLETE: { kind: 'input', hint: 'give deploy-address and deploy-config with mode=deployment' },
    CREDENTIALS_INVALID: { kind: 'input', hint: 'let the workspace grafeas-credentials hold token, or tls.crt and tls.key, or all three' },
    CLIENT_CERTIFICATE_INVALID: { kind: 'input', hint: 'give certificate and key as PEM, the key without a password' },
    TRUSTED_ROOT_INVALID: { kind: 'input', hint: 'give a Sigstore trusted root (JSON), or leave trusted-root empty' },
    MANIFEST_UNKNOWN: { kind: 'refused', hint: 'correct the digest in the param image' },
    REGISTRY_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a valid login for the registry' },
    REGISTRY_DENIED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a login for the repository' },
    GRAFEAS_UNAUTHORIZED: { kind: 'refused', hint: 'give a valid token in the workspace grafeas-credentials' },
    GRAFEAS_DENIED: { kind: 'refused', hint: 'let the account create and list notes and occurrences in the project' },
    GRAFEAS_NOT_FOUND: { kind: 'refused', hint: 'check grafeas-url, project and api' },
    GRAFEAS_REFUSED: { kind: 'refused', hint: 'the message holds what the server said; check api and project' },
    GRAFEAS_INVALID: { kind: 'refused', hint: 'check that grafeas-url is that of a Grafeas server, and not of a page in front of it' },
    GRAFEAS_INCOMPLETE: {
      kind: 'refused',
      hint: 'the server did not keep what it confirmed; use a newer one. What was stored stays, and a second run adds the rest',
    },
    METADATA_REFUSED: {
      kind: 'refused',
      hint: 'let the Pod run as a service account that Google Cloud knows, or give a token in the workspace grafeas-credentials',
    },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again; it adds what is missing' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later; it adds what is missing' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again; it adds what is missing' },
  },
  network: ['the registry of the artifact', 'the Grafeas server', 'the metadata server of Google Cloud (only with its service)'],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
});
