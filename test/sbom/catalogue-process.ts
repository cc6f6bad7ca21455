// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { openArtifact } from '../../lib/artifact/open-artifact.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { writeCycloneDx } from '../../lib/sbom/cyclonedx.ts';
import { catalogueImage } from '../../lib/sbom/image.ts';

/** The process that is measured: archive in, CycloneDX out; one line of JSON with its figures on standard output. */
async function main([archive = '', output = '']: string[]): Promise<void> {
  const source = await openArtifact(archive);
  const catalogues = await catalogueImage({ source, log: silentLogger });
  const subject = { type: 'container', name: 'debian-root', digest: source.root.digest } as const;
  const sbom = writeCycloneDx({ subject, contents: { kind: 'images', catalogues }, tool: { name: 'tekton-supply-chain', version: '0.0.0' } });
  writeFileSync(output, sbom);
  const [image] = catalogues;
  const maxRssMiB = process.resourceUsage().maxRSS / 1024;
  const figures = { maxRssMiB, unpackedBytes: image?.unpackedBytes, entries: image?.entries, sbomBytes: sbom.length, unknowns: image?.unknowns };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
