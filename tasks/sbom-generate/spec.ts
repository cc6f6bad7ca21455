// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defaulted, optional } from '../../lib/spec/param.ts';
import { WorkspacePath } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';

export const spec = defineTask({
  name: 'sbom-generate',
  title: 'List what is inside: CycloneDX SBOM',
  description:
    'Writes the CycloneDX 1.6 JSON SBOM of an image (from a registry, an OCI layout, an OCI or docker archive) or of a source directory: Debian and Alpine packages, installed npm packages, Go modules in binaries; package-lock.json and go.mod in sources. The same input gives the same bytes, and what could not be read is stated as incomplete.',
  categories: ['Security'],
  tags: ['sbom', 'cyclonedx'],
  image: 'optional',
  params: {
    path: optional(WorkspacePath, {
      description:
        'File or folder in the workspace source to read instead of the registry: an OCI layout, an OCI or docker archive, or a source directory ("." for the whole workspace). Given together with image, a layout or archive must hold that digest.',
      example: 'image.tar',
    }),
    platform: optional(z.string().regex(/^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?$/, 'must be os/architecture, e.g. linux/amd64'), {
      description: 'List only this platform of a multi-platform image. Without it all are listed, and the SBOM is that of the index.',
      example: 'linux/amd64',
    }),
    output: defaulted(WorkspacePath, 'sbom.cdx.json', {
      description: 'File in the workspace reports to write the SBOM to.',
      example: 'sbom.cdx.json',
    }),
  },
  workspaces: {
    source: { description: 'Folder with what the param path names.', optional: true, readOnly: true },
    reports: { description: 'Folder that the SBOM is written to.', optional: false, readOnly: false },
  },
  results: {
    'sbom-path': { description: 'Path of the SBOM in the workspace reports.' },
    'sbom-digest': { description: 'Digest (sha256:…) of the SBOM file.' },
    components: { description: 'Number of components in the SBOM.' },
    completeness: { description: 'complete, or incomplete when something could not be read; the SBOM says what.' },
  },
  failures: {
    NOTHING_TO_READ: { kind: 'input', hint: 'give image, or path with the workspace source' },
    FILE_MISSING: { kind: 'input', hint: 'let the param path name a file or folder in the workspace source' },
    FILE_UNWRITABLE: { kind: 'input', hint: 'let the volume behind the workspace reports be writable by the user of the step, for example with fsGroup' },
    ARCHIVE_TRUNCATED: { kind: 'input', hint: 'write the archive again; the copy is not whole' },
    ARCHIVE_CORRUPT: { kind: 'input', hint: 'give a tar or tar.gz file, as "docker save", "skopeo copy" or "crane pull" writes it' },
    ARCHIVE_INVALID: { kind: 'input', hint: 'give an OCI layout, or an archive written by "docker save", "skopeo copy" or "crane pull"' },
    ARCHIVE_HOSTILE: { kind: 'input', hint: 'make the archive with "docker save", "skopeo copy" or an OCI image builder' },
    ARCHIVE_AMBIGUOUS: { kind: 'input', hint: 'save one image into an archive of its own' },
    LAYOUT_INVALID: { kind: 'input', hint: 'write the OCI layout again; a part of it is missing or malformed' },
    LAYOUT_AMBIGUOUS: { kind: 'input', hint: 'name the digest of one of the listed artifacts in the param image' },
    LAYOUT_DIGEST_UNKNOWN: { kind: 'input', hint: 'let path name the layout or archive of the digest in image, or leave image empty' },
    IMAGE_INVALID: { kind: 'input', hint: 'build the image again; its index, manifest and config do not fit together' },
    LAYER_CORRUPT: { kind: 'input', hint: 'build and push the image again; a layer cannot be unpacked' },
    DIFF_ID_MISMATCH: { kind: 'denied', hint: 'the layer is not the one that the image config names; find out who changed it, and build the image again' },
    DIGEST_MISMATCH: { kind: 'denied', hint: 'the bytes are not those that the digest names; fetch or write them again' },
    PLATFORM_NOT_FOUND: { kind: 'input', hint: 'name a platform that the image has, or leave platform empty' },
    MANIFEST_UNKNOWN: { kind: 'refused', hint: 'push the image first, or correct the digest in the param image' },
    REGISTRY_UNAUTHORIZED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a valid login for the registry' },
    REGISTRY_DENIED: { kind: 'refused', hint: 'give the workspace registry-credentials (or the service account) a login that may pull the repository' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again' },
  },
  network: ['the registry of the image (not with path alone)'],
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
});
