// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { collectEvidence } from '../../lib/evidence/collect.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { parsePublicKey } from '../../lib/sigstore/public-key.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import { findDeployment } from './deployment-record.ts';
import { type EvidenceDocument, evidenceDocument } from './evidence-document.ts';
import { evidenceHtml } from './evidence-html.ts';
import { evidenceMarkdown } from './evidence-markdown.ts';
import type { Laptop } from './laptop.ts';
import { type ReleaseFacts, releaseFacts } from './release-facts.ts';
import { SBOM, type Secured, VERDICT } from './secure.ts';

const MAX_REPORT_BYTES = 16 * 1024 * 1024;
const MAX_SBOM_BYTES = 128 * 1024 * 1024;

/** The runs of `start`; undefined are those that were not tried. */
export type LaptopRuns = { secured: Secured; released: PipelineRun | undefined; recorded: PipelineRun | undefined };

/** Writes evidence.json, evidence.md and evidence.html about the runs, and gives what stands in them. */
export async function writeEvidence(laptop: Laptop, { secured: { image, origin, run }, released, recorded }: LaptopRuns): Promise<EvidenceDocument> {
  const { state, services, registry } = laptop;
  const report = (file: string, maxBytes = MAX_REPORT_BYTES): Promise<string | undefined> =>
    readBoundedIfPresent(join(state.reports, file), maxBytes, 'report').then((bytes) => bytes?.toString('utf8'));
  const key = parsePublicKey((await readBounded(services.publicKey, MAX_REPORT_BYTES, 'public key')).toString('utf8'), 'cosign.pub');
  const trust = parseTrustedRoot((await readBounded(services.trustedRoot, MAX_REPORT_BYTES, 'trusted root')).toString('utf8'));
  const evidence = await collectEvidence(registry, image, { keys: [{ name: 'laptop', key }], trust });
  const [json, markdown, sbom] = await Promise.all([report(VERDICT.json), report(VERDICT.markdown), report(SBOM, MAX_SBOM_BYTES)]);
  const verdict = json === undefined ? undefined : (JSON.parse(json) as Verdict);
  const release = await withDeployment(laptop, releaseFacts(released, recorded, services));
  const document = evidenceDocument({ origin, runs: [run, released, recorded].filter((one) => one !== undefined), verdict, evidence, release, services });
  await writeAtomic(join(state.reports, 'evidence.json'), `${JSON.stringify(document, undefined, 2)}\n`);
  await writeAtomic(join(state.reports, 'evidence.md'), evidenceMarkdown(document, markdown));
  await writeAtomic(join(state.reports, 'evidence.html'), evidenceHtml(document, sbom));
  return document;
}

async function withDeployment({ http, services }: Laptop, facts: ReleaseFacts): Promise<ReleaseFacts> {
  const { reference, commit } = facts;
  if (reference === undefined || commit === undefined) return facts;
  const deployment = await findDeployment(http, services.grafeas, parseDigestReference(reference), `${commit.repository}@${commit.id}`);
  return { ...facts, ...(deployment && { deployment }) };
}
