// SPDX-License-Identifier: Apache-2.0
import type { Rule, RuleOf, RuleType } from '../../lib/policy/policy-schema.ts';
import type { Breakage } from './breakage.ts';
import { type CaseEvidence, statementOf } from './evidence.ts';
import { type CaseContext, type Facts, hoursAgo, licence, OTHER_HEX } from './facts.ts';
import { BUILDER, MIN_AGE_DAYS, type Slot } from './policies.ts';

type Changed<S extends Slot> = (facts: Facts[S], context: CaseContext) => Partial<Facts[S]>;
/** What a statement says in place of the good one, or what one more statement beside it says. */
type Change<S extends Slot> = { instead: Changed<S> } | { also: Changed<S> } | { unreadable: unknown };
type Hits<T extends RuleType> = boolean | ((rule: RuleOf<T>) => boolean);

/** A row of a table: name, what changes, and whether rules of each type fail of it. */
export type Row<S extends Slot> = [name: string, change: Change<S>, hits: { [T in RuleType]?: Hits<T> }];

/** The rows of a slot as breakages; the first statement of the slot changes. */
export function contentBreakages<S extends Slot>(slot: S, rows: readonly Row<S>[]): Breakage[] {
  return rows.map(([name, change, hits]) => ({
    name: `${slot}: ${name}`,
    slot,
    kind: 'content',
    applies: (policy) => policy.needs[slot] !== undefined,
    hits: (rule) => isHit(rule, hits),
    apply: (evidence, context) => applyTo(evidence, context, slot, change),
  }));
}

function isHit(rule: Rule, hits: Row<Slot>[2]): boolean {
  const hit = hits[rule.type] as Hits<RuleType> | undefined;
  return typeof hit === 'function' ? hit(rule) : hit === true;
}

function applyTo<S extends Slot>({ slots, facts }: CaseEvidence, context: CaseContext, slot: S, change: Change<S>): void {
  const statements = slots.get(slot) ?? [];
  const [first] = statements;
  if (first === undefined) return;
  const changed = (by: Changed<S>): Facts[S] => ({ ...facts[slot], ...by(facts[slot], context) });
  if ('also' in change) statements.push(statementOf(slot, changed(change.also), first.signings));
  else if ('instead' in change) statements[0] = statementOf(slot, changed(change.instead), first.signings);
  else first.predicate = change.unreadable;
}

const DAYS = 24;
const AGED = (MIN_AGE_DAYS + 1) * DAYS;

const SBOM: readonly Row<'sbom'>[] = [
  ['incomplete', { instead: () => ({ aggregate: 'incomplete' }) }, { sbom: (rule) => rule.requireComplete }],
  ['silent about completeness', { instead: () => ({ aggregate: undefined }) }, { sbom: (rule) => rule.requireComplete }],
  ['empty', { instead: () => ({ components: [] }) }, { sbom: true }],
  ['with one package', { instead: ({ components }) => ({ components: components.slice(1) }) }, { sbom: (rule) => rule.minComponents > 1 }],
  ['with a forbidden licence', withLicences([licence('AGPL-3.0-only')]), { sbom: (rule) => rule.forbiddenLicences.length > 0 }],
  ['with a forbidden licence among several', withLicences([{ expression: 'MIT AND AGPL-3.0-only' }]), { sbom: (rule) => rule.forbiddenLicences.length > 0 }],
  ['with a forbidden licence to choose', withLicences([{ expression: 'MIT OR AGPL-3.0-only' }]), {}],
  ['without a licence', withLicences([]), { sbom: (rule) => rule.requireLicences }],
  [
    'with a forbidden package',
    { instead: ({ components }) => ({ components: [...components, { name: 'left-pad', licences: [licence('MIT')] }] }) },
    { sbom: (rule) => rule.forbiddenPackages.length > 0 },
  ],
  ['of another image by its root', { instead: () => ({ root: OTHER_HEX }) }, { sbom: true }],
  ['that cannot be read', { unreadable: { bomFormat: 'CycloneDX', components: 'many' } }, { sbom: true }],
  ['too old', { instead: (_, context) => ({ created: hoursAgo(context, AGED) }) }, { sbom: (rule) => rule.maxAgeDays !== undefined }],
  ['of tomorrow', { instead: (_, context) => ({ created: hoursAgo(context, -DAYS) }) }, { sbom: (rule) => rule.maxAgeDays !== undefined }],
  ['a second one that is empty', { also: () => ({ components: [] }) }, {}],
];

const PROVENANCE: readonly Row<'provenance'>[] = [
  ['of another builder', { instead: () => ({ builder: `${BUILDER}.evil.example` }) }, { provenance: true }],
  ['of another build type', { instead: () => ({ buildType: 'https://builder.example/script' }) }, { provenance: (rule) => rule.buildTypes !== undefined }],
  ['of another source', { instead: () => ({ repository: 'https://git.example/others/app' }) }, { provenance: (rule) => rule.source !== undefined }],
  ['of a source that climbs', { instead: () => ({ repository: 'https://git.example/team/..' }) }, { provenance: (rule) => rule.source !== undefined }],
  ['without commit', { instead: () => ({ commit: undefined }) }, { provenance: (rule) => rule.source !== undefined }],
  ['without source', { instead: () => ({ repository: undefined }) }, { provenance: (rule) => rule.source !== undefined }],
  ['of another branch', { instead: () => ({ ref: 'refs/heads/trial' }) }, { provenance: (rule) => rule.source?.refs !== undefined }],
  ['without ref', { instead: () => ({ ref: undefined }) }, { provenance: (rule) => rule.source?.refs !== undefined }],
  ['with another parameter', { instead: () => ({ parameters: { release: 'true' } }) }, { provenance: (rule) => rule.parameters.length > 0 }],
  [
    'of a run that was given the image',
    { instead: (_, { hex }) => ({ parameters: { release: true, image: `registry.example/app@sha256:${hex}` } }) },
    { provenance: (rule) => !rule.acceptSubjectAsInput },
  ],
  ['with a base that is not allowed', { instead: () => ({ base: 'registry.example/scratch/node' }) }, { 'base-image': true }],
  ['with a base that is denied', { instead: () => ({ base: 'registry.example/base/old' }) }, { 'base-image': true }],
  ['with a base without digest', { instead: () => ({ baseDigest: undefined }) }, { 'base-image': true }],
  ['without base', { instead: () => ({ base: undefined }) }, { 'base-image': true }],
  ['that cannot be read', { unreadable: { builder: BUILDER } }, { provenance: true, 'base-image': true }],
  ['a second one of another builder', { also: () => ({ builder: `${BUILDER}.evil.example` }) }, {}],
  ['a second one with another base', { also: () => ({ base: 'registry.example/scratch/node' }) }, { 'base-image': true }],
];

const TESTS: readonly Row<'tests'>[] = [
  ['with a failure', { instead: () => ({ failed: 1 }) }, { attestation: (rule) => rule.conditions.length > 0 }],
  ['with a number as text', { instead: () => ({ failed: '0' }) }, { attestation: (rule) => rule.conditions.length > 0 }],
  ['with a suite that says nothing', { instead: () => ({ failed: undefined }) }, { attestation: (rule) => rule.conditions.length > 0 }],
  ['with little coverage', { instead: () => ({ coverage: 79 }) }, { attestation: (rule) => rule.conditions.length > 1 }],
  ['that say nothing', { unreadable: {} }, { attestation: (rule) => rule.conditions.length > 0 }],
  ['one run said again', { instead: () => ({ run: 1 }) }, { attestation: (rule) => rule.min > 1 }],
  ['a further run with a failure', { also: () => ({ run: 9, failed: 1 }) }, {}],
];

const APPROVAL: readonly Row<'approval'>[] = [
  ['by too few', { instead: (_, context) => ({ approvers: people(context).slice(1) }) }, { approval: true }],
  ['by the requester', { instead: (_, context) => ({ approvers: [...people(context).slice(1), 'dora'] }) }, { approval: true }],
  [
    'by one person again and again',
    { instead: (_, context) => ({ approvers: people(context).map(() => 'ann') }) },
    { approval: (rule) => rule.minApprovers > 1 },
  ],
  [
    'by somebody else',
    { instead: (_, context) => ({ approvers: [...people(context).slice(1), 'eve'] }) },
    { approval: (rule) => rule.approvers !== undefined },
  ],
  ['at another gate', { instead: () => ({ gate: 'trial' }) }, { approval: (rule) => rule.gates !== undefined }],
  ['for another environment', { instead: () => ({ environment: 'trial' }) }, { approval: (rule) => rule.environments !== undefined }],
  ['for no environment', { instead: () => ({ environment: undefined }) }, { approval: (rule) => rule.environments !== undefined }],
  ['a rejection', { instead: () => ({ decision: 'rejected' }) }, { approval: true }],
  ['and rejected afterwards', { also: (_, context) => ({ decision: 'rejected', decidedAt: hoursAgo(context, 1) }) }, { approval: true }],
  ['rejected before', { also: (_, context) => ({ decision: 'rejected', decidedAt: hoursAgo(context, 3) }) }, {}],
  [
    'and rejected afterwards at another gate',
    { also: (_, context) => ({ decision: 'rejected', gate: 'trial', decidedAt: hoursAgo(context, 1) }) },
    { approval: (rule) => rule.gates === undefined },
  ],
  [
    'and rejected afterwards for all environments',
    { also: (_, context) => ({ decision: 'rejected', environment: undefined, decidedAt: hoursAgo(context, 1) }) },
    { approval: true },
  ],
  ['of tomorrow', { instead: (_, context) => ({ decidedAt: hoursAgo(context, -DAYS) }) }, { approval: true }],
  ['on a day without time', { instead: (_, context) => ({ decidedAt: hoursAgo(context, 2).slice(0, 10) }) }, { approval: true }],
  ['that cannot be read', { unreadable: { gate: 'production', decision: 'approved', approvers: 'ann' } }, { approval: true }],
  ['too old', { instead: (_, context) => ({ decidedAt: hoursAgo(context, AGED) }) }, { approval: (rule) => rule.maxAgeDays !== undefined }],
];

/** As many people as the rule asks for. */
function people({ policy }: CaseContext): string[] {
  const rule = policy.rules.find((one) => one.type === 'approval');
  return ['ann', 'bob', 'cid'].slice(0, rule?.minApprovers ?? 1);
}

function withLicences(licences: object[]): Change<'sbom'> {
  return { instead: ({ components: [first, ...more] }) => ({ components: [...(first ? [{ ...first, licences }] : []), ...more] }) };
}

export const DOCUMENT_BREAKAGES: readonly Breakage[] = [
  ...contentBreakages('sbom', SBOM),
  ...contentBreakages('provenance', PROVENANCE),
  ...contentBreakages('tests', TESTS),
  ...contentBreakages('approval', APPROVAL),
];
