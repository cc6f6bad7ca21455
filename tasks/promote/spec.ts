// SPDX-License-Identifier: Apache-2.0
import { defaulted, optional, required } from '../../lib/spec/param.ts';
import { Flag, Repository, Tag } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';

export const spec = defineTask({
  name: 'promote',
  title: 'Copy an artifact with its evidence to the release repository',
  description:
    'Copies an OCI artifact, and everything that refers to it (signatures, SBOM and other attestations, verification summaries), to another repository. Bytes and digests stay as they are, so every signature stays valid. What is there already is skipped.',
  categories: ['Publishing', 'Security'],
  tags: ['promotion', 'release', 'oci'],
  image: 'required',
  params: {
    to: required(Repository, { description: 'Repository to copy to, without tag and digest.', example: 'registry.example.com/release/app' }),
    tag: optional(Tag, { description: 'Tag to set there. A tag that names another digest already is not moved, unless move-tag is true.', example: '1.4.0' }),
    'move-tag': defaulted(Flag, 'false', { description: 'Whether a tag that names another digest may be moved. One of true, false.', example: 'true' }),
  },
  workspaces: {},
  results: {
    'release-reference': { description: 'The artifact in its new place, as repository@sha256:digest.' },
    'evidence-copied': { description: 'Number of referrers that were copied now; those that were there already do not count.' },
  },
  failures: {
    TAG_TAKEN: { kind: 'denied', hint: 'give another tag, or move-tag=true when the tag is meant to move' },
    MANIFEST_UNKNOWN: { kind: 'refused', hint: 'correct the digest in the param image' },
    REGISTRY_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a login for both repositories' },
    REGISTRY_DENIED: {
      kind: 'refused',
      hint: 'give the workspace registry-credentials (or the service account) a login that may push to the release repository',
    },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again; what was copied is kept' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later; what was copied is kept' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again; what was copied is kept' },
  },
  network: ['the registry of the artifact', 'the registry of the release repository'],
  resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
});
