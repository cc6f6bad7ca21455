// SPDX-License-Identifier: Apache-2.0

import { defaulted, optional, type ResultSpec, required, type WorkspaceSpec } from './param.ts';
import { Duration, ImageByDigest, List, WorkspacePath } from './param-types.ts';

const IMAGE_WORDING = {
  description:
    'The artifact (container image, Helm chart or any other OCI artifact) as repository[:tag]@sha256:digest. A bare tag is refused, because it can be moved.',
  example: 'registry.example.com/team/app:1.4.0@sha256:4b825dc642cb6eb9a060e54bf8d69288fbee49044b825dc642cb6eb9a060e54b',
};

/** The param `image`, the same in every Task. */
export const imageParam = {
  required: () => required(ImageByDigest, IMAGE_WORDING),
  optional: () => optional(ImageByDigest, IMAGE_WORDING),
};

/** Params that every Task gets after its own. */
export const HOUSE_PARAMS = {
  'insecure-registries': defaulted(List, '', {
    description: 'Registries (host:port, separated by commas) that are reached by plain HTTP. Loopback addresses always are.',
    example: 'registry.build.svc:5000',
  }),
  'ca-bundle': optional(WorkspacePath, {
    description: 'File in the workspace trust with PEM certificates of private CAs, trusted beside the public ones.',
    example: 'ca-bundle.crt',
  }),
  'trusted-root': optional(WorkspacePath, {
    description: 'File in the workspace trust with the Sigstore trusted root (JSON) that names the logs and authorities to believe.',
    example: 'trusted_root.json',
  }),
  timeout: defaulted(Duration, '10m', {
    description: 'Time that the whole step may take, retries included, e.g. 90s, 10m, 1h30m.',
    example: '10m',
  }),
};

export const HOUSE_WORKSPACES = {
  'registry-credentials': {
    description:
      'Secret with config.json (or .dockerconfigjson) for the registries. Without it the credentials of the service account (creds-init) or none are used.',
    optional: true,
    readOnly: true,
  },
  trust: {
    description: 'ConfigMap or Secret with the files that ca-bundle and trusted-root name.',
    optional: true,
    readOnly: true,
  },
} satisfies Record<string, WorkspaceSpec>;

export const HOUSE_RESULTS = {
  subject: { description: 'The artifact that the step spoke about, as repository@sha256:digest.' },
  outcome: { description: 'ok, or why not: denied, input, refused, transient, bug. Written also when the step fails.' },
} satisfies Record<string, ResultSpec>;
