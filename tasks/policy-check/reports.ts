// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { VERDICT_FORMATS } from '../../lib/policy/verdict-formats.ts';
import type { Vsa } from '../../lib/policy/vsa.ts';
import type { VerdictFormat } from '../../lib/spec/verdict-format.ts';

/** Where reports go (undefined: nowhere), in which forms, and the version of the suite that they name. */
export type ReportPlace = { folder: string | undefined; formats: readonly VerdictFormat[]; version: string };

/** Writes the verdict in every form that is asked for, and vsa.json. */
export async function writeReports({ folder, formats, version }: ReportPlace, verdict: Verdict, vsa: Vsa): Promise<void> {
  if (folder === undefined) return;
  for (const format of new Set(formats)) {
    const { file, write } = VERDICT_FORMATS[format];
    await writeAtomic(join(folder, file), write(verdict, version));
  }
  await writeAtomic(join(folder, 'vsa.json'), `${JSON.stringify(vsa, undefined, 2)}\n`);
}
