// SPDX-License-Identifier: Apache-2.0
import type { Rule, RuleOf, RuleType } from './policy-schema.ts';
import { signersInWords } from './rules/signers.ts';
import type { TextMatch } from './schema-parts.ts';
import type { Block, Waiver } from './vulnerabilities-schema.ts';

/** What one rule asks with the values that it has, one sentence each; a new type does not compile without its words. */
const WORDS: { readonly [T in RuleType]: (rule: RuleOf<T>) => (string | false)[] } = {
  signature: ({ signers }) => [signed(signers)],
  'log-entry': ({ for: types, signers, logs }) => [
    `Looked for in the log: ${types.join(', ')}.`,
    signed(signers),
    logs ? `Only these logs count: ${logs.join(', ')}.` : 'Every log of the trusted root counts.',
  ],
  sbom: ({ format, signers, requireComplete, minComponents, maxAgeDays, forbiddenLicences, requireLicences, forbiddenPackages }) => [
    `The format is ${format}.`,
    signed(signers),
    requireComplete && 'It must state that it is complete.',
    `It must hold at least ${minComponents} components.`,
    maxAgeDays !== undefined && `It may be ${maxAgeDays} days old.`,
    forbiddenLicences.length > 0 && `No package may need a licence among ${forbiddenLicences.join(', ')}.`,
    requireLicences && 'Every package must state a licence.',
    forbiddenPackages.length > 0 && `No package may be among ${forbiddenPackages.join(', ')}.`,
  ],
  attestation: ({ predicateType, signers, min, conditions }) => [
    `The predicate type is ${predicateType}.`,
    signed(signers),
    min > 1 && `There must be ${min} different statements.`,
    conditions.length > 0 && `Of each predicate must hold: ${conditions.map(conditionInWords).join('; ')}.`,
  ],
  provenance: ({ signers, predicateTypes, builders, buildTypes, source, parameters, conditions, acceptUnknownOutcome, acceptSubjectAsInput }) => [
    `The predicate type is ${predicateTypes.join(' or ')}.`,
    signed(signers),
    `The builder is ${matches(builders)}.`,
    buildTypes !== undefined && `The build type is ${matches(buildTypes)}.`,
    source !== undefined &&
      `Every source is a repository among ${source.repositories.join(', ')}${source.refs ? `, at a ref among ${source.refs.join(', ')}` : ''}.`,
    parameters.length > 0 && `Of the parameters must hold: ${parameters.map(conditionInWords).join('; ')}.`,
    conditions.length > 0 && `Of the predicate must hold: ${conditions.map(conditionInWords).join('; ')}.`,
    !acceptUnknownOutcome && 'It must say that the build succeeded.',
    !acceptSubjectAsInput && 'A run that was given the digest of the artifact is no build.',
  ],
  'base-image': ({ signers, allow, deny }) => [signed(signers), `Allowed are ${allow.join(', ')}${deny.length > 0 ? `, but not ${deny.join(', ')}` : ''}.`],
  approval: ({ signers, minApprovers, approvers, gates, environments, maxAgeDays }) => [
    `Approvals are attested by ${signersInWords(signers)}.`,
    `At least ${minApprovers} people approved, the requester not counted.`,
    approvers !== undefined && `Who counts: ${matches(approvers)}.`,
    gates !== undefined && `The gate is ${matches(gates)}.`,
    environments !== undefined && `The environment is ${matches(environments)}.`,
    maxAgeDays !== undefined && `The decision may be ${maxAgeDays} days old.`,
  ],
  vulnerabilities: ({ report, block, unknownSeverity, vex, waivers }) => [
    `A report counts ${[report.file && 'when it is handed over as a file', report.attestation && `when it is attested by ${signersInWords(report.attestation.signers)}`].filter(Boolean).join(' or ')}.`,
    report.requireDigest && 'The report must name the digest that it scanned.',
    report.maxScanAgeDays !== undefined && `The scan may be ${report.maxScanAgeDays} days old.`,
    report.maxDatabaseAgeDays !== undefined && `The database of the scanner may be ${report.maxDatabaseAgeDays} days old.`,
    ...block.map((entry) => `Blocked: ${blockInWords(entry)}.`),
    `Findings without a severity: ${unknownSeverity}.`,
    vex !== undefined && `VEX statements count when they are attested by ${signersInWords(vex.signers)}.`,
    ...waivers.map((waiver) => `Waived until ${waiver.expires}: ${waiverInWords(waiver)}.`),
  ],
};

/** The rule in plain sentences: what its type and fields ask, for which images and stages, and what a failure does. */
export function ruleInWords(rule: Rule): string[] {
  const { level, stages, images, effectiveFrom } = rule;
  const consequence = level === 'enforce' ? 'A failure fails the verdict' : 'A failure is only reported';
  // The table pairs every type with its own words, which the compiler cannot follow through a union.
  const own = (WORDS[rule.type] as (rule: Rule) => (string | false)[])(rule);
  return [
    ...own.filter((sentence) => sentence !== false),
    images !== undefined && `It is for images among ${images.join(', ')}.`,
    `${consequence}, at stage ${stages.join(' and ')}${effectiveFrom === undefined ? '' : `, from ${effectiveFrom} on; before, it is only reported`}.`,
  ].filter((sentence) => sentence !== false);
}

function signed(signers: Parameters<typeof signersInWords>[0]): string {
  return `Signed by ${signersInWords(signers)}.`;
}

function matches(list: readonly TextMatch[]): string {
  return list.map((match) => (typeof match === 'string' ? match : `what matches ${match.matches}`)).join(' or ');
}

function conditionInWords({ path, quantifier, ...tests }: { path: string; quantifier: string }): string {
  const asked = Object.entries(tests)
    .filter(([, value]) => value !== undefined)
    .map(([test, value]) => `${test} ${JSON.stringify(value)}`);
  return `${path || 'the whole'} ${asked.join(' and ')}${path.includes('*') ? ` (${quantifier})` : ''}`;
}

function blockInWords({ severity, fix, minCvss, minEpss, kev, leeway, ifUnknown }: Block): string {
  const parts = [
    severity !== undefined && `${severity} and worse`,
    fix === 'available' && 'with a fix',
    minCvss !== undefined && `CVSS ${minCvss} or more`,
    minEpss !== undefined && `EPSS ${minEpss} or more`,
    kev === true && 'known to be exploited',
    leeway !== undefined && `${leeway.days} days after it was ${leeway.since}`,
    ifUnknown === 'pass' && 'not where the report does not say so',
  ];
  return parts.filter((part) => part !== false).join(', ');
}

function waiverInWords({ id, package: name, purl, images, reason, approver, ticket }: Waiver): string {
  const scope = [name, purl, images?.join(', ')].filter((part) => part !== undefined).join(', ');
  return `${id}${scope === '' ? '' : ` in ${scope}`}, approved by ${approver}${ticket === undefined ? '' : ` (${ticket})`}, because: ${reason}`;
}
