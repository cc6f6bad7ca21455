// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { type Verdict, verdictJson } from '../../lib/policy/verdict.ts';
import { verdictMarkdown } from '../../lib/policy/verdict-markdown.ts';
import type { Vsa } from '../../lib/policy/vsa.ts';

/** Writes verdict.json, verdict.md and vsa.json into the workspace reports, when it is bound. */
export async function writeReports(folder: string | undefined, verdict: Verdict, vsa: Vsa): Promise<void> {
  if (folder === undefined) return;
  await writeAtomic(join(folder, 'verdict.json'), verdictJson(verdict));
  await writeAtomic(join(folder, 'verdict.md'), verdictMarkdown(verdict));
  await writeAtomic(join(folder, 'vsa.json'), `${JSON.stringify(vsa, undefined, 2)}\n`);
}
