// SPDX-License-Identifier: Apache-2.0
import { digestHex } from '../reference/digest.ts';
import { type DigestReference, repositoryName } from '../reference/reference.ts';

/** How writers spell the URI of an image: Google's tools with https, Chains with none, OCI tools with oci. */
export type ResourceUriScheme = 'https' | 'none' | 'oci';

/** The resource URI of an artifact, `https://host/repository@sha256:…` (Grafeas concepts, "Resource URLs"), with another scheme or none on request. */
export function resourceUri(image: DigestReference, scheme: ResourceUriScheme): string {
  const bare = `${repositoryName(image)}@${image.digest}`;
  return scheme === 'none' ? bare : `${scheme}://${bare}`;
}

/** The URI without its scheme; writers that differ in nothing else mean the same artifact. */
export function bareUri(uri: string): string {
  return uri.replace(/^[a-z][a-z0-9+.-]*:\/\//, '');
}

/** Whether a resource URI names the artifact with this digest, in whatever repository: `…@sha256:HEX`, or `file://sha256:HEX:NAME` for a file. */
export function namesDigest(uri: string, digest: string): boolean {
  return uri.endsWith(`@${digest}`) || uri.startsWith(`file://sha256:${digestHex(digest)}:`);
}
