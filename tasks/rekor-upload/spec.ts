// SPDX-License-Identifier: Apache-2.0
import { optional, required } from '../../lib/spec/param.ts';
import { ServiceUrl } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';

export const spec = defineTask({
  name: 'rekor-upload',
  title: 'Complete and prove transparency log entries',
  description:
    'Puts every pending signature of an artifact (cosign-sign with log=later) into the Rekor v2 transparency log and publishes the complete bundle, and proves that what is logged already still stands in the log: inclusion in its current tree, and that the log only grew since.',
  categories: ['Security'],
  tags: ['rekor', 'transparency-log', 'sigstore'],
  image: 'required',
  params: {
    'rekor-url': required(ServiceUrl, { description: 'URL of the Rekor v2 log.', example: 'https://rekor.example.com' }),
    'rekor-read-url': optional(ServiceUrl, {
      description: 'URL of the static folder with the checkpoint and tiles of the log, where it is not served below rekor-url (self-hosted POSIX servers).',
      example: 'https://tiles.example.com/rekor',
    }),
  },
  workspaces: {
    checkpoints: {
      description:
        'Volume that keeps the last checkpoint of the log, so that the next run proves that the log only grew since. Without it each run begins with what the bundles hold.',
      optional: true,
      readOnly: false,
    },
  },
  results: {
    completed: { description: 'Number of pending signatures that were logged and published.' },
    proved: { description: 'Number of log entries whose inclusion was proved against the current state of the log.' },
    'log-size': { description: 'Number of entries in the log at the checkpoint that the proofs were made for.' },
  },
  failures: {
    TRUSTED_ROOT_MISSING: { kind: 'input', hint: 'bind the workspace trust and name the trusted root file with the param trusted-root' },
    TRUSTED_ROOT_INVALID: { kind: 'input', hint: 'give a Sigstore trusted root (JSON), e.g. from "cosign trusted-root create"' },
    FILE_MISSING: { kind: 'input', hint: 'let the params trusted-root and ca-bundle name files in the workspace trust' },
    LOG_UNKNOWN: { kind: 'input', hint: 'add the log that rekor-url names to the trusted root' },
    PENDING_INVALID: { kind: 'denied', hint: 'the pending signature does not verify; delete it from the registry and sign again' },
    LOG_ENTRY_INVALID: { kind: 'denied', hint: 'the bundle claims a log entry that does not belong to it; find out who published it' },
    REKOR_ENTRY_FOREIGN: { kind: 'denied', hint: 'the bundle claims the log entry of another signature; find out who published it' },
    REKOR_PROOF_INVALID: { kind: 'denied', hint: 'the proof in the bundle does not hold; find out who published it' },
    CHECKPOINT_UNTRUSTED: { kind: 'denied', hint: 'the log is not the one in the trusted root; find out which of the two is wrong' },
    REKOR_REFUSED: { kind: 'refused', hint: 'check that rekor-url is that of a Rekor v2 log and that it takes signatures of this key type' },
    LOG_NOT_READABLE: { kind: 'refused', hint: 'name the folder with the checkpoint and tiles of the log with the param rekor-read-url' },
    LOG_FORKED: { kind: 'denied', hint: 'the log does not hold what it promised before; tell its operator and trust nothing that it logged' },
    LOG_SHRANK: { kind: 'denied', hint: 'the log lost entries it had promised to keep; tell its operator and trust nothing that it logged' },
    FILE_UNWRITABLE: { kind: 'input', hint: 'let the volume behind the workspace checkpoints be writable by the user of the step, for example with fsGroup' },
    MANIFEST_UNKNOWN: { kind: 'refused', hint: 'correct the digest in the param image' },
    REGISTRY_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a valid login for the registry' },
    REGISTRY_DENIED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a login that may push to the repository' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again; what is pending stays pending and is not lost' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later; what is pending stays pending and is not lost' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again; what is pending stays pending and is not lost' },
  },
  network: ['the registry of the artifact', 'the Rekor log'],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
});
