// SPDX-License-Identifier: Apache-2.0
import { copyFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import { collectEvidence } from '../../lib/evidence/collect.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createLogger, type Logger } from '../../lib/log/log.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import { createRegistry, type Registry } from '../../lib/registry/client.ts';
import { dockerCredentials } from '../../lib/registry/credentials.ts';
import { parsePublicKey } from '../../lib/sigstore/public-key.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import { type EvidenceDocument, evidenceDocument } from '../laptop/evidence-document.ts';
import { evidenceHtml } from '../laptop/evidence-html.ts';
import { evidenceMarkdown } from '../laptop/evidence-markdown.ts';
import { exitCodeOf } from '../laptop/exit-code.ts';
import { importImage } from '../laptop/import-image.ts';
import { ensureSigningKey } from '../laptop/keys.ts';
import { LAST_SUBJECT_FILE } from '../laptop/last-subject.ts';
import { ensurePolicy } from '../laptop/policy.ts';
import { PROJECT } from '../laptop/project.ts';
import { runPipelineFile } from '../laptop/run-pipeline-file.ts';
import { summaryText } from '../laptop/summary.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import { connectServices, type Services } from '../services/services.ts';
import { openState, type State } from '../state/state.ts';

type Options = { state: string; image: string | undefined; 'scan-report': string | undefined; verbose: boolean };

const MAX_REPORT_BYTES = 16 * 1024 * 1024;
const MAX_SBOM_BYTES = 128 * 1024 * 1024;
const SCAN_REPORT = 'scan.json';
/** The default of sbom-generate's param output. */
const SBOM = 'sbom.cdx.json';

/** `supply-chain start` (npm start): the Pipeline secure-image on a real image with embedded services, and the evidence of it. */
export const startCommand: CommandModule<{ state: string }, Options> = {
  command: 'start',
  describe: 'Take an image from "just built" to signed, logged and judged on this machine',
  builder: (argv) =>
    argv
      .option('image', {
        type: 'string',
        describe: 'Registry reference, OCI layout folder, or OCI or docker archive; a small image made of npm packages when not given',
      })
      .option('scan-report', { type: 'string', describe: 'Vulnerability report of grype or trivy (JSON) about the image' })
      .option('verbose', { type: 'boolean', default: false, describe: 'Show every line of every task' }) as never,
  handler: async (options) => {
    const state = await openState(options.state);
    const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
    if (await ensureSigningKey(state.keys)) log.info(`made a signing key in ${relative('.', state.keys)}`);
    await ensurePolicy(state);
    const running = await connectServices(state, log);
    const http = createHttp({ log });
    try {
      const registry = createRegistry({ http, credentials: await dockerCredentials({ env: process.env }), log: quietInfo(log) });
      const document = await startOn(options, { state, registry, services: running.services, log });
      process.stdout.write(summaryText(document, { folder: relative('.', state.reports) || '.' }));
      process.exitCode = exitCodeOf(document.pipelineRun);
    } finally {
      http.close();
      await running.close();
    }
  },
};

type Laptop = { state: State; registry: Registry; services: Services; log: Logger };

async function startOn(options: Options, laptop: Laptop): Promise<EvidenceDocument> {
  const { state, services, registry, log } = laptop;
  log.info(options.image === undefined ? 'composing a small image from npm packages' : `bringing ${options.image} into the embedded registry`);
  const { image, origin } = await importImage({ project: PROJECT, given: options.image, registry, host: services.registry.host });
  await writeAtomic(join(state.root, LAST_SUBJECT_FILE), `${formatReference(image)}\n`);
  // Reports of an earlier run must not be taken for those of this one.
  for (const file of ['verdict.json', 'verdict.md', SBOM, SCAN_REPORT]) await rm(join(state.reports, file), { force: true });
  const scanned = options['scan-report'];
  if (scanned !== undefined) await copyFile(scanned, join(state.reports, SCAN_REPORT));
  const run = await runPipelineFile({
    project: PROJECT,
    pipeline: 'secure-image',
    params: { image: formatReference(image), ...(scanned !== undefined && { 'scan-report': SCAN_REPORT }) },
    workspaces: {},
    state,
    services,
    verbose: options.verbose,
  });
  return writeEvidence(laptop, image, origin, run);
}

async function writeEvidence({ state, services, registry }: Laptop, image: DigestReference, origin: string, run: PipelineRun): Promise<EvidenceDocument> {
  const key = parsePublicKey((await readBounded(services.publicKey, MAX_REPORT_BYTES, 'public key')).toString('utf8'), 'cosign.pub');
  const trust = parseTrustedRoot((await readBounded(services.trustedRoot, MAX_REPORT_BYTES, 'trusted root')).toString('utf8'));
  const evidence = await collectEvidence(registry, image, { keys: [{ name: 'laptop', key }], trust });
  const verdict = await readBoundedIfPresent(join(state.reports, 'verdict.json'), MAX_REPORT_BYTES, 'verdict');
  const markdown = await readBoundedIfPresent(join(state.reports, 'verdict.md'), MAX_REPORT_BYTES, 'verdict');
  const document = evidenceDocument({ origin, run, verdict: verdict && (JSON.parse(verdict.toString('utf8')) as Verdict), evidence, services });
  await writeAtomic(join(state.reports, 'evidence.json'), `${JSON.stringify(document, undefined, 2)}\n`);
  await writeAtomic(join(state.reports, 'evidence.md'), evidenceMarkdown(document, markdown?.toString('utf8')));
  const sbom = await readBoundedIfPresent(join(state.reports, SBOM), MAX_SBOM_BYTES, 'SBOM');
  await writeAtomic(join(state.reports, 'evidence.html'), evidenceHtml(document, sbom?.toString('utf8')));
  return document;
}

/** What the registry client tells at level info is of interest inside a step, not here. */
function quietInfo(log: Logger): Logger {
  return { ...log, info: () => {}, progress: () => {} };
}
