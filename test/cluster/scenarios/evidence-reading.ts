// SPDX-License-Identifier: Apache-2.0
import { transientError } from '../../../lib/errors/errors.ts';
import type { Suite } from './suite.ts';

/** Digests of the manifests that refer to an artifact, sorted, as the registry lists them (OCI distribution spec 1.1, "Listing Referrers"). `image` is repository@digest. */
export async function referrersOf(image: string): Promise<string[]> {
  const [, registry, repository, digest] = /^([^/]+)\/(.+)@(.+)$/.exec(image) ?? [];
  const { manifests } = (await getOk(`http://${registry}/v2/${repository}/referrers/${digest}`)) as { manifests: { digest: string }[] };
  return manifests.map((manifest) => manifest.digest).sort();
}

export type Occurrence = { name: string; kind: string; noteName: string; resource: { uri: string } };

/** What the real Grafeas holds about a digest in a project. */
export async function occurrencesOf({ grafeasUrl }: Suite, project: string, digest: string): Promise<Occurrence[]> {
  // Far more than one scenario writes, so that one page is all of it.
  const { occurrences = [] } = (await getOk(`${grafeasUrl}/v1beta1/projects/${project}/occurrences?pageSize=1000`)) as { occurrences?: Occurrence[] };
  return occurrences.filter(({ resource }) => resource.uri.endsWith(digest));
}

async function getOk(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (response.ok) return response.json();
  throw transientError('ANSWER_REFUSED', `GET ${url} is answered with ${response.status}: ${(await response.text()).slice(0, 300)}`);
}
