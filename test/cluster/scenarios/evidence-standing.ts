// SPDX-License-Identifier: Apache-2.0
import { transientError } from '../../../lib/errors/errors.ts';
import { referrersOf } from './evidence-reading.ts';

type Referrer = { artifactType?: string; annotations?: Record<string, string> };

const PREDICATE = 'dev.sigstore.bundle.predicateType';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PENDING = 'application/vnd.tekton-supply-chain.pending-bundle.v0.3+json';
const KIND: Readonly<Record<string, string>> = { [BUNDLE]: 'bundle', [PENDING]: 'pending' };

/**
 * What stands about an artifact in its registry, a line a referrer, sorted: `bundle PREDICATE-TYPE` for what verifiers read, `pending PREDICATE-TYPE` for
 * what is to be logged yet, else the artifact type. Reads manifests itself, not by our own client. `image` is repository@digest.
 */
export async function standingOf(image: string): Promise<string[]> {
  const [, registry, repository] = /^([^/]+)\/(.+)@/.exec(image) ?? [];
  const digests = await referrersOf(image);
  const manifests = await Promise.all(digests.map((digest) => manifestOf(`http://${registry}/v2/${repository}/manifests/${digest}`)));
  return manifests.map(({ artifactType = '', annotations }) => `${KIND[artifactType] ?? artifactType} ${annotations?.[PREDICATE] ?? ''}`.trim()).sort();
}

/** All tags of a repository (OCI distribution spec 1.1, "Listing Tags"); none when there is no such repository. `repository` is registry/name. */
export async function tagsOf(repository: string): Promise<string[]> {
  const [, registry, name] = /^([^/]+)\/(.+)$/.exec(repository) ?? [];
  const url = `http://${registry}/v2/${name}/tags/list`;
  const response = await fetch(url);
  if (response.status === 404) return [];
  if (!response.ok) throw transientError('ANSWER_REFUSED', `GET ${url} is answered with ${response.status}`);
  return ((await response.json()) as { tags: string[] | null }).tags ?? [];
}

async function manifestOf(url: string): Promise<Referrer> {
  const response = await fetch(url, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } });
  if (!response.ok) throw transientError('ANSWER_REFUSED', `GET ${url} is answered with ${response.status}`);
  return (await response.json()) as Referrer;
}
