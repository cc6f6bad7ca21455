// SPDX-License-Identifier: Apache-2.0
import type { Grafeas } from '../../lib/grafeas/client.ts';
import type { StoredOccurrence } from '../../lib/grafeas/occurrence.ts';
import { namesDigest, resourceUri } from '../../lib/grafeas/resource-uri.ts';
import type { Logger } from '../../lib/log/log.ts';
import type { DigestReference } from '../../lib/reference/reference.ts';
import type { Done } from './report.ts';

const SCHEMES = ['https', 'none', 'oci'] as const;
const MAX_SHOWN = 12;

/**
 * All occurrences of the project about the artifact, whoever wrote them. The reference server is asked for everything and answers are chosen by digest, so those of
 * other repositories with the same content are found too; Google's service filters, and is asked for each spelling of this repository.
 */
export async function queryArtifact(grafeas: Grafeas, image: DigestReference, log: Logger): Promise<Done> {
  const found = new Map<string, StoredOccurrence>();
  const uris = grafeas.api === 'v1' ? SCHEMES.map((scheme) => resourceUri(image, scheme)) : [undefined];
  for (const uri of uris)
    for await (const stored of grafeas.ofProject(uri))
      if (stored.name.startsWith(`${grafeas.parent}/`) && namesDigest(stored.resourceUri, image.digest)) found.set(stored.name, stored);
  const present = [...found.values()].sort((a, b) => (a.createTime < b.createTime ? -1 : a.createTime > b.createTime ? 1 : a.name < b.name ? -1 : 1));
  const kinds = [...Map.groupBy(present, ({ kind }) => kind || 'unknown')].map(([kind, { length }]) => `${length} ${kind}`);
  log.info(`found ${present.length} occurrences in ${grafeas.parent}`, { kinds: kinds.join(', ') || undefined });
  for (const { name, kind, noteName, createTime } of present.slice(0, MAX_SHOWN)) log.info(kind, { occurrence: name, note: noteName, created: createTime });
  if (present.length > MAX_SHOWN) log.info(`and ${present.length - MAX_SHOWN} more, in occurrences.json of the workspace reports`);
  return { present, created: [] };
}
