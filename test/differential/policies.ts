// SPDX-License-Identifier: Apache-2.0
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { APPROVAL_TYPE } from '../../lib/policy/approval-predicate.ts';
import { API_VERSION, type Policy, type Rule, type RuleOf } from '../../lib/policy/policy-schema.ts';
import type { SignerRequirement } from '../../lib/policy/schema-parts.ts';
import type { Chooser } from './seeded.ts';

/** What a policy may ask for, each signed by whom the policy names for it. */
export type Slot = 'signature' | 'sbom' | 'provenance' | 'tests' | 'scan' | 'vex' | 'approval';

/** Signers that policies name. `auditor` is one of them whom no rule asks for. */
export const SIGNERS = ['release', 'security', 'quality', 'auditor'] as const;
export type SignerName = (typeof SIGNERS)[number];

/** A policy with what its makers know of it: whose word each slot needs. */
export type GeneratedPolicy = { name: string; rules: Rule[]; needs: Partial<Record<Slot, SignerRequirement>> };

export const TESTS_TYPE = 'https://example.com/tests/v1';
export const BUILDER = 'https://builder.example';
export const BUILD_TYPE = 'https://builder.example/image/v1';
export const SOURCE = 'https://git.example/team/app';
export const BASE = 'registry.example/base/node';
export const MIN_AGE_DAYS = 7;

/** Identifiers of findings by what policies say about them. */
export const FINDING = {
  bad: 'CVE-2026-1001',
  suppressed: 'CVE-2026-1002',
  waived: 'CVE-2026-1003',
  expired: 'CVE-2026-1004',
  elsewhere: 'CVE-2026-1005',
  otherPackage: 'CVE-2026-1006',
  advisory: 'GHSA-aaaa-bbbb-cccc',
} as const;

const [PAST, FUTURE] = ['2020-01-01', '2099-12-31'];

/** `timed`: evidence can have a verified time, so that rules may ask how old it is. */
export type PolicyOptions = { timed: boolean };

/** A policy of several types of rules, some of which only warn, are for another stage or other images, or are enforced later. The first is enforced always. */
export function makePolicy(name: string, choose: Chooser, { timed }: PolicyOptions): GeneratedPolicy {
  const needs: GeneratedPolicy['needs'] = {};
  const need = (slot: Slot): SignerRequirement => (needs[slot] ??= requirement(choose));
  const makers: ((choose: Chooser) => Rule)[] = [
    () => ({ ...head('signed', choose), type: 'signature', signers: need('signature') }),
    () => sbomRule(choose, need('sbom'), timed),
    () => provenanceRule(choose, need('provenance')),
    () => ({
      ...head('based', choose),
      type: 'base-image',
      signers: need('provenance'),
      allow: ['registry.example/base/*'],
      deny: ['registry.example/base/old'],
    }),
    () => testsRule(choose, need('tests')),
    () => scanRule(choose, need, timed),
    () => approvalRule(choose, need('approval'), timed),
  ];
  const rules = choose
    .shuffled(makers)
    .slice(0, choose.pick([3, 4, 5, 6]))
    .map((make) => make(choose));
  const loggable = Object.keys(needs) as Slot[];
  if (choose.chance(0.7)) rules.push(logRule(choose, loggable));
  const [first, ...more] = rules as [Rule, ...Rule[]];
  const { effectiveFrom: _, images: __, ...always } = first;
  return { name, rules: [{ ...always, level: 'enforce', stages: ['deploy'] } as Rule, ...more, AUDITED], needs };
}

/** Makes the auditor one whom the policy trusts, at the stage that is not judged here. */
const AUDITED: RuleOf<'attestation'> = {
  ...{ id: 'audited', type: 'attestation', level: 'enforce', stages: ['build'], conditions: [], min: 1 },
  ...{ predicateType: 'https://example.com/audit/v1', signers: { any: ['auditor'] } },
};

/** The policy file as YAML (JSON is YAML); `keys` are PEM public keys by signer. */
export function policyText({ name, rules }: GeneratedPolicy, keys: Readonly<Record<SignerName, string>>): string {
  const named = SIGNERS.filter((signer) => JSON.stringify(rules).includes(`"${signer}"`));
  const signers = named.map((signer) => ({ name: signer, key: { data: keys[signer] } }));
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'Policy', metadata: { name }, signers, rules } satisfies Policy);
}

/** Whether the rule can fail the verdict of an image at the stage deploy. */
export function isInForce(rule: Rule): boolean {
  return isJudged(rule) && rule.level === 'enforce' && rule.effectiveFrom !== FUTURE;
}

/** Whether the rule is judged at all at the stage deploy. */
export function isJudged({ stages, images }: Rule): boolean {
  return stages.includes('deploy') && (images === undefined || images.includes('**'));
}

/** Predicate type of what fills a slot; of a provenance the newer one. */
export const TYPE_OF: Readonly<Record<Slot, string>> = {
  signature: PREDICATE_TYPE.signature,
  sbom: PREDICATE_TYPE.cyclonedx,
  provenance: PREDICATE_TYPE.slsaprovenance1,
  tests: TESTS_TYPE,
  scan: PREDICATE_TYPE.vuln,
  vex: PREDICATE_TYPE.openvex,
  approval: APPROVAL_TYPE,
};

/** The slots of which the log rule asks for an entry. */
export function loggedSlots(rules: readonly Rule[]): Slot[] {
  const types = rules.flatMap((rule) => (rule.type === 'log-entry' ? rule.for : []));
  return (Object.keys(TYPE_OF) as Slot[]).filter((slot) => types.includes(slot === 'signature' ? 'signature' : TYPE_OF[slot]));
}

function head(id: string, choose: Chooser) {
  const stages: Rule['stages'] = choose.chance(0.1) ? ['build'] : choose.chance(0.5) ? ['deploy'] : ['build', 'deploy'];
  const effectiveFrom = choose.chance(0.1) ? FUTURE : choose.chance(0.2) ? PAST : undefined;
  const images = choose.chance(0.1) ? ['registry.example/other/**'] : choose.chance(0.2) ? ['registry.example/other/*', '**'] : undefined;
  const level: Rule['level'] = choose.chance(0.12) ? 'warn' : 'enforce';
  return { id, level, stages, ...(effectiveFrom !== undefined && { effectiveFrom }), ...(images && { images }) };
}

function requirement(choose: Chooser): SignerRequirement {
  return choose.pick<SignerRequirement>([
    { any: ['release'] },
    { any: ['release', 'security'] },
    { all: ['release', 'security'] },
    { threshold: 2, of: ['release', 'security', 'quality'] },
  ]);
}

function logRule(choose: Chooser, slots: readonly Slot[]): RuleOf<'log-entry'> {
  const some = choose.shuffled(slots).slice(0, choose.pick([1, 2, 3]));
  const types = some.map((slot) => (slot === 'signature' ? 'signature' : TYPE_OF[slot]));
  return { ...head('logged', choose), type: 'log-entry', for: types, signers: { any: choose.pick([['release'], ['release', 'security']]) } };
}

function sbomRule(choose: Chooser, signers: SignerRequirement, timed: boolean): RuleOf<'sbom'> {
  return {
    ...head('sbom', choose),
    type: 'sbom',
    format: choose.pick(['cyclonedx', 'any']),
    signers,
    requireComplete: choose.chance(0.6),
    minComponents: choose.pick([1, 2]),
    forbiddenLicences: choose.chance(0.6) ? ['AGPL-*'] : [],
    requireLicences: choose.chance(0.4),
    forbiddenPackages: choose.chance(0.5) ? ['pkg:npm/left-pad@*'] : [],
    ...(timed && choose.chance(0.6) && { maxAgeDays: MIN_AGE_DAYS }),
  };
}

function provenanceRule(choose: Chooser, signers: SignerRequirement): RuleOf<'provenance'> {
  const source = { repositories: ['https://git.example/team/*'], ...(choose.chance(0.5) && { refs: ['refs/heads/main', 'refs/tags/*'] }) };
  return {
    ...head('built', choose),
    type: 'provenance',
    signers,
    predicateTypes: ['slsaprovenance', 'slsaprovenance1'],
    builders: [choose.chance(0.5) ? BUILDER : { matches: 'https://builder\\.example' }],
    ...(choose.chance(0.5) && { buildTypes: [BUILD_TYPE] }),
    ...(choose.chance(0.7) && { source }),
    parameters: choose.chance(0.5) ? [{ path: '/release', equals: true, quantifier: 'all' }] : [],
    conditions: [],
    acceptUnknownOutcome: false,
    acceptSubjectAsInput: choose.chance(0.2),
  };
}

function testsRule(choose: Chooser, signers: SignerRequirement): RuleOf<'attestation'> {
  const failed = { path: '/suites/*/failed', max: 0, quantifier: 'all' } as const;
  const coverage = { path: '/coverage', min: 80, quantifier: 'all' } as const;
  const conditions = choose.pick([[], [failed], [failed, coverage]]);
  return { ...head('tested', choose), type: 'attestation', predicateType: TESTS_TYPE, signers, min: choose.pick([1, 2]), conditions };
}

function scanRule(choose: Chooser, need: (slot: Slot) => SignerRequirement, timed: boolean): RuleOf<'vulnerabilities'> {
  const waiver = { reason: 'the function is not called', approver: 'ann' };
  const waivers = [
    { ...waiver, id: FINDING.waived, expires: FUTURE },
    { ...waiver, id: FINDING.expired, expires: PAST },
    { ...waiver, id: FINDING.elsewhere, expires: FUTURE, images: ['registry.example/other/**'] },
    { ...waiver, id: FINDING.otherPackage, expires: FUTURE, package: 'another' },
  ];
  return {
    ...head('scanned', choose),
    type: 'vulnerabilities',
    report: {
      file: false,
      attestation: { predicateTypes: ['vuln'], signers: need('scan') },
      requireDigest: choose.chance(0.5),
      ...(timed && choose.chance(0.6) && { maxScanAgeDays: MIN_AGE_DAYS }),
    },
    block: [{ severity: choose.pick(['critical', 'high']), fix: choose.pick(['any', 'available']), ifUnknown: 'block' }],
    unknownSeverity: choose.pick(['block', 'warn', 'ignore']),
    ...(choose.chance(0.6) && { vex: { predicateTypes: ['openvex'], signers: need('vex') } }),
    waivers: choose.chance(0.7) ? waivers : [],
    waiverWarningDays: 14,
  };
}

function approvalRule(choose: Chooser, signers: SignerRequirement, timed: boolean): RuleOf<'approval'> {
  return {
    ...head('approved', choose),
    type: 'approval',
    signers,
    minApprovers: choose.pick([1, 2, 3]),
    ...(choose.chance(0.5) && { approvers: ['ann', 'bob', { matches: 'c[a-z]+' }] }),
    ...(choose.chance(0.5) && { gates: ['production'] }),
    ...(choose.chance(0.5) && { environments: ['live'] }),
    ...(timed && choose.chance(0.6) && { maxAgeDays: MIN_AGE_DAYS }),
  };
}
