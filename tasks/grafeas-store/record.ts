// SPDX-License-Identifier: Apache-2.0
import { deniedError, inputError, StepError } from '../../lib/errors/errors.ts';
import { collectEvidence } from '../../lib/evidence/collect.ts';
import type { CollectedPiece } from '../../lib/evidence/piece.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import type { Grafeas } from '../../lib/grafeas/client.ts';
import type { Occurrence } from '../../lib/grafeas/occurrence.ts';
import { findOccurrence, storeOccurrences } from '../../lib/grafeas/store.ts';
import type { Logger } from '../../lib/log/log.ts';
import { parseScanReport, type ScanReport, scanReportOf, scanTarget } from '../../lib/policy/vulnerability-report.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { formatReference } from '../../lib/reference/reference.ts';
import { parseManifest } from '../../lib/registry/oci.ts';
import { parseTrustedRoot } from '../../lib/sigstore/trusted-root.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { workspaceFile } from '../../lib/step/house-files.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import { loadPolicy } from '../../lib/verify/load-policy.ts';
import { mapPiece, type Naming } from './from-evidence.ts';
import { type MappedScan, mapScan } from './from-scan.ts';
import type { Done } from './report.ts';
import type { spec } from './spec.ts';

const MAX_SCAN_BYTES = 16 * 1024 * 1024;
const MAX_SHOWN = 8;

/** All that is to be recorded, before anything is sent. `denied` when there is evidence to be had and none of it verifies. */
export type Prepared = { occurrences: Occurrence[]; scans: MappedScan[]; leftOut: number; denied?: StepError };

/**
 * Reads policy, evidence and scan report. Throws input NOTHING_TO_STORE, SCAN_REPORT_MISMATCH, and what loadPolicy, the registry and the report reader throw.
 */
export async function prepareEvidence(inputs: Inputs<typeof spec>, deps: StepDeps, naming: Naming): Promise<Prepared> {
  const { params, workspaces } = inputs;
  const report = await readScanFile(inputs);
  if (workspaces.policy === undefined && report === undefined)
    throw inputError(
      'NOTHING_TO_STORE',
      `there is nothing to record about ${formatReference(params.image)}: the workspace policy is not bound, and there is no scan-report`,
    );
  const policy = workspaces.policy === undefined ? undefined : await loadPolicy(workspaces.policy, params.policy);
  const trust = deps.trustedRoot === undefined ? undefined : parseTrustedRoot(deps.trustedRoot);
  const { bytes, descriptor } = await deps.registry.manifest(params.image);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const configDigest = manifest.kind === 'manifest' ? manifest.config.digest : undefined;
  const prepared: Prepared = { occurrences: [], scans: [], leftOut: 0 };
  if (report) {
    if (scanTarget(report.report, params.image.digest, configDigest) === 'other')
      throw inputError('SCAN_REPORT_MISMATCH', `scan report ${params['scan-report']} is about another artifact than ${formatReference(params.image)}`);
    prepared.scans.push(mapScan(report.report, report.digest, naming));
  }
  if (!policy) return prepared;
  const evidence = await collectEvidence(deps.registry, params.image, { keys: policy.keys, identities: policy.identities, trust });
  const pieces = evidence.pieces.filter(({ kind }) => kind !== 'other');
  sortPieces(pieces, { prepared, naming, configDigest, log: deps.log });
  const verified = pieces.some(({ verification }) => verification.state === 'verified');
  return verified || report ? prepared : { ...prepared, denied: unverified(formatReference(params.image), pieces.length) };
}

type Sorting = { prepared: Prepared; naming: Naming; configDigest: string | undefined; log: Logger };

/** Puts each piece where it belongs, and says of the first ones that are left out why. */
function sortPieces(pieces: readonly CollectedPiece[], { prepared, naming, configDigest, log }: Sorting): void {
  for (const piece of pieces) {
    const mapped = mapPiece(piece, naming);
    const scan = 'scan' in mapped ? readAttestedScan(mapped.scan, piece.payloadDigest ?? '', { naming, configDigest, what: piece.digest }) : undefined;
    if ('occurrence' in mapped) prepared.occurrences.push(mapped.occurrence);
    else if (typeof scan === 'object') prepared.scans.push(scan);
    else {
      prepared.leftOut += 1;
      if (prepared.leftOut <= MAX_SHOWN) log.warn(`left out ${piece.digest}: ${'leftOut' in mapped ? mapped.leftOut : scan}`);
    }
  }
  if (prepared.leftOut > MAX_SHOWN) log.warn(`left out ${prepared.leftOut - MAX_SHOWN} more`);
}

/** Records what was prepared. Of a scan that is recorded already nothing is looked at again; else its vulnerabilities come first, so that a scan counts as done only when it is. */
export async function recordEvidence(grafeas: Grafeas, prepared: Prepared, log: Logger): Promise<Done> {
  const outcome = await storeOccurrences(grafeas, prepared.occurrences);
  let held = outcome.present.length + outcome.created.length;
  for (const { discovery, vulnerabilities, cut } of prepared.scans) {
    if (cut > 0) log.warn(`the scan found ${vulnerabilities.length + cut} vulnerabilities; the ${cut} least severe are not recorded`);
    held += vulnerabilities.length + 1;
    const known = await findOccurrence(grafeas, discovery);
    if (known) {
      outcome.present.push(known);
      continue;
    }
    if (vulnerabilities.length > 100) log.progress(`recording ${vulnerabilities.length} vulnerabilities`);
    for (const batch of [vulnerabilities, [discovery]]) {
      const { present, created } = await storeOccurrences(grafeas, batch);
      outcome.present.push(...present);
      outcome.created.push(...created);
    }
  }
  log.info(`recorded in ${grafeas.parent}`, { api: grafeas.api, occurrences: held, created: outcome.created.length, leftOut: prepared.leftOut });
  return { ...outcome, held, leftOut: prepared.leftOut };
}

async function readScanFile({ params, workspaces }: Inputs<typeof spec>): Promise<{ report: ScanReport; digest: string } | undefined> {
  const path = params['scan-report'];
  if (path === undefined) return undefined;
  const bytes = await readBounded(await workspaceFile(workspaces, 'reports', path, 'scan-report'), MAX_SCAN_BYTES, 'scan report');
  return { report: parseScanReport(bytes, `scan report ${path}`), digest: sha256Digest(bytes) };
}

/** The scan of a verified attestation, or why it is left out. */
function readAttestedScan(
  predicate: unknown,
  digest: string,
  { naming, configDigest, what }: { naming: Naming; configDigest: string | undefined; what: string },
): MappedScan | string {
  try {
    const report = scanReportOf(predicate, `the scan report in ${what}`);
    if (scanTarget(report, naming.image.digest, configDigest) === 'other') return 'its scan report is about another artifact';
    return mapScan(report, digest, naming);
  } catch (error) {
    if (error instanceof StepError && error.kind === 'input') return error.message;
    throw error;
  }
}

function unverified(image: string, pieces: number): StepError {
  return deniedError(
    'EVIDENCE_UNVERIFIED',
    pieces === 0
      ? `${image} has no evidence in its registry`
      : `none of the ${pieces} pieces of evidence about ${image} verifies with the signers of the policy; nothing was recorded`,
  );
}
