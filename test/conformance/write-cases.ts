// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CASES } from './cases.ts';
import { ARTIFACT, ISSUER, SUBJECT, trustedRoot } from './recorded.ts';

/** Writes the cases in the layout of sigstore-conformance, for `listCases`. */
export async function writeCases(assets: string): Promise<void> {
  await mkdir(assets, { recursive: true });
  await writeFile(join(assets, 'a.txt'), ARTIFACT);
  await Promise.all(
    Object.entries(CASES).map(async ([name, one]) => {
      const folder = join(assets, name);
      await mkdir(folder);
      const files: Record<string, string | undefined> = {
        'bundle.sigstore.json': one.text ?? JSON.stringify(one.bundle),
        'trusted_root.json': JSON.stringify(one.root ?? trustedRoot()),
        identity: one.identity ?? SUBJECT,
        issuer: one.issuer ?? ISSUER,
        'key.pub': one.key,
        artifact: one.artifact,
      };
      for (const [file, content] of Object.entries(files)) if (content !== undefined) await writeFile(join(folder, file), content);
    }),
  );
}
