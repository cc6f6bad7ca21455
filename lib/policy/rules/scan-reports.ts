// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../../errors/errors.ts';
import { PREDICATE_TYPE, predicateTypeUri } from '../../intoto/predicate-type.ts';
import { oneLine } from '../foreign-text.ts';
import type { RuleOf } from '../policy-schema.ts';
import type { Problem } from '../verdict.ts';
import { type ScanReport, scanReportOf, scanTarget } from '../vulnerability-report.ts';
import { acceptedStatements, missing, pieceName, type Statement } from './accepted.ts';
import type { RuleInput } from './judgement.ts';
import { whyTooOld } from './stated-time.ts';

/** A report that counts; `object` is the file with its digest, or the digest of the attestation. */
export type CountedReport = { object: string; report: ScanReport };
export type ScanReports = { reports: CountedReport[]; facts: string[]; problems: Problem[]; evidence: string[] };
/** `outdated` are problems only where no report counts. */
type Found = ScanReports & { outdated: Problem[] };

/**
 * The reports that a rule accepts: the file, and what is attested. Of several attested reports those speak that no other was certainly signed after: by the start of its certificate, since
 * a later timestamp proves nothing (anybody can have an old signature stamped anew). A report about another artifact, or one that cannot be read, is a problem and never counts; an attested one that is too old is a problem only where no other counts.
 */
export function scanReports(rule: RuleOf<'vulnerabilities'>, input: RuleInput): ScanReports {
  const found: Found = { reports: [], facts: [], problems: [], evidence: [], outdated: [] };
  const file = input.scan && `${oneLine(input.scan.name)} (${oneLine(input.scan.digest)})`;
  if (input.scan && file && rule.report.file) admit(rule, input, { object: file, report: input.scan.report }, undefined, found);
  else if (file) found.facts.push(`${file} was not looked at: the rule does not accept a file`);
  const attested = rule.report.attestation;
  for (const type of attested?.predicateTypes ?? []) {
    const uri = predicateTypeUri(type) ?? type;
    const statements = attested ? acceptedStatements(input.evidence, uri, attested.signers) : [];
    for (const statement of latest(statements)) readAttested(rule, input, uri, statement, found);
  }
  if (found.reports.length === 0) found.problems.push(...found.outdated);
  else found.facts.push(...found.outdated.map(({ object, reason }) => `${object} was not looked at: it ${reason}`));
  if (found.reports.length === 0 && found.problems.length === 0) found.problems.push(...noScan(rule, input));
  return found;
}

function readAttested(rule: RuleOf<'vulnerabilities'>, input: RuleInput, uri: string, statement: Statement, found: Found): void {
  const [piece] = statement;
  if (piece === undefined || isSbomAlone(uri, piece.statement?.predicate)) return;
  found.evidence.push(...statement.map(({ digest }) => digest));
  try {
    const report = scanReportOf(piece.statement?.predicate, `the report in ${piece.digest} (${pieceName(uri)})`);
    admit(rule, input, { object: piece.digest, report }, statement, found);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    found.problems.push({
      object: piece.digest,
      reason: `cannot be read: ${oneLine(error.message, 500)}`,
      remedy: error.hint ?? 'attest the JSON report of a scanner',
    });
  }
}

/** A CycloneDX document without vulnerabilities, or with none in the list, is an SBOM: it is not looked at, and is no scan either. */
function isSbomAlone(uri: string, predicate: unknown): boolean {
  if (uri !== PREDICATE_TYPE.cyclonedx) return false;
  if (typeof predicate !== 'object' || predicate === null || !Object.hasOwn(predicate, 'vulnerabilities')) return true;
  const { vulnerabilities } = predicate as { vulnerabilities: unknown };
  return Array.isArray(vulnerabilities) && vulnerabilities.length === 0;
}

function admit(rule: RuleOf<'vulnerabilities'>, input: RuleInput, counted: CountedReport, statement: Statement | undefined, found: Found): void {
  const { report } = counted;
  const target = scanTarget(report, input.evidence.digest, input.configDigest);
  const remedy = `scan the artifact by its digest ${input.evidence.digest}`;
  if (target === 'other') {
    const named = [...report.scannedDigests.slice(0, 5), ...(report.scannedConfig ? [`config ${report.scannedConfig}`] : [])].join(', ');
    found.problems.push({ object: counted.object, reason: `is a report about another artifact (${named}), so it was not looked at`, remedy });
    return;
  }
  if (target === 'unnamed' && rule.report.requireDigest) {
    found.problems.push({ object: counted.object, reason: 'does not name the digest of what was scanned, and the rule asks for it', remedy });
    return;
  }
  const old = tooOld(rule, input, report, statement);
  if (old !== undefined) {
    const remedy = 'update the database of the scanner, scan again, and attest the report with a verified time';
    // A newer scan replaces an attested one that lies there still; a file is handed over because it is to count.
    (statement === undefined ? found.problems : found.outdated).push({ object: counted.object, reason: old, remedy });
    return;
  }
  if (target === 'unnamed')
    found.facts.push(`${counted.object} does not name the digest of what was scanned; that it is about this artifact is taken on trust`);
  found.facts.push(described(counted));
  found.reports.push(counted);
}

function tooOld(
  { report: { maxScanAgeDays, maxDatabaseAgeDays } }: RuleOf<'vulnerabilities'>,
  { now }: RuleInput,
  report: ScanReport,
  statement: Statement | undefined,
) {
  const scan = maxScanAgeDays === undefined ? undefined : whyTooOld(report.scannedAt, maxScanAgeDays, now, statement);
  if (scan !== undefined) return `is a scan that ${scan}`;
  const database = maxDatabaseAgeDays === undefined ? undefined : whyTooOld(report.databaseBuilt, maxDatabaseAgeDays, now, statement);
  return database === undefined ? undefined : `is a scan with a database that ${database}`;
}

function described({ object, report }: CountedReport): string {
  const times = [report.scannedAt && `scanned ${oneLine(report.scannedAt, 40)}`, report.databaseBuilt && `database of ${oneLine(report.databaseBuilt, 40)}`];
  const suppressed = report.suppressed > 0 ? `, ${report.suppressed} matches left out by the scanner's own settings` : '';
  const stated = times.filter((time) => time).join(', ');
  return `${object}: ${oneLine(report.scanner, 80)}, ${stated ? `${stated} as it says itself` : 'which states no time'}, ${report.findings.length} findings${suppressed}`;
}

/** Without those that another one was certainly signed after. What is not known for all pieces of a statement is taken at its worst. */
function latest(statements: readonly Statement[]): readonly Statement[] {
  const newest = Math.max(
    ...statements.map((statement) => Math.min(...statement.map(({ verification }) => verification.time?.notBefore?.getTime() ?? -Infinity))),
  );
  return statements.filter((statement) => Math.max(...statement.map(({ verification }) => verification.time?.at.getTime() ?? Infinity)) >= newest);
}

function noScan(rule: RuleOf<'vulnerabilities'>, { evidence }: RuleInput): Problem[] {
  const { file, attestation } = rule.report;
  const sources = [file && 'no report was handed over as a file', attestation && 'none is attested'].filter((source) => source).join(' and ');
  const remedy = file
    ? 'scan the artifact, for example with grype or trivy, and hand the JSON report over (param scan-report)'
    : 'scan the artifact, for example with grype or trivy, and attest the JSON report';
  const near = attestation ? attestation.predicateTypes.flatMap((type) => missing(evidence, predicateTypeUri(type) ?? type, attestation.signers)) : [];
  return [{ object: evidence.digest, reason: `no scan: ${sources}`, remedy }, ...near.filter(({ object }) => object !== evidence.digest)];
}
