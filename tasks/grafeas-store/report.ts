// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import type { Grafeas } from '../../lib/grafeas/client.ts';
import type { StoredOccurrence } from '../../lib/grafeas/occurrence.ts';
import { redactUrl } from '../../lib/log/redact.ts';
import { type DigestReference, repositoryName } from '../../lib/reference/reference.ts';
import type { Naming } from './from-evidence.ts';

/** What a mode ended with. `held` counts what the store holds where not all of it is listed here. */
export type Done = { present: readonly StoredOccurrence[]; created: readonly StoredOccurrence[]; held?: number; leftOut?: number };
type Report = Done & { grafeas: Grafeas; image: DigestReference; naming: Naming; mode: string };

/** Writes occurrences.json into the workspace reports, when it is bound: where it was written or read, and each occurrence; in full after a query, by name and kind otherwise. */
export async function writeReport(folder: string | undefined, { grafeas, image, naming, mode, present, created, leftOut }: Report): Promise<void> {
  if (folder === undefined) return;
  const row = (stored: StoredOccurrence, isNew: boolean): Record<string, unknown> =>
    mode === 'query' ? stored.wire : { name: stored.name, kind: stored.kind, note: stored.noteName, resourceUri: stored.resourceUri, created: isNew };
  const report = {
    subject: `${repositoryName(image)}@${image.digest}`,
    ...(mode !== 'query' && { resourceUri: naming.resourceUri }),
    server: redactUrl(grafeas.url),
    api: grafeas.api,
    project: grafeas.parent,
    ...(leftOut !== undefined && { leftOut }),
    occurrences: [...present.map((stored) => row(stored, false)), ...created.map((stored) => row(stored, true))],
  };
  await writeAtomic(join(folder, 'occurrences.json'), `${JSON.stringify(report, undefined, 2)}\n`);
}
