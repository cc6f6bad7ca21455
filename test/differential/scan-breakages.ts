// SPDX-License-Identifier: Apache-2.0
import type { RuleOf } from '../../lib/policy/policy-schema.ts';
import type { Breakage } from './breakage.ts';
import { contentBreakages, type Row } from './content-breakages.ts';
import { statementOf } from './evidence.ts';
import { type FoundFacts, hoursAgo, OTHER_HEX } from './facts.ts';
import { FINDING, MIN_AGE_DAYS } from './policies.ts';

type Scan = RuleOf<'vulnerabilities'>;
const DAYS = 24;

const hasWaivers = ({ waivers }: Scan): boolean => waivers.length > 0;
const blocksHigh = ({ block: [entry] }: Scan): boolean => entry?.severity === 'high';
const blocksUnfixed = ({ block: [entry] }: Scan): boolean => entry?.fix === 'any';

/** One more finding. */
function found(one: FoundFacts): Row<'scan'>[1] {
  return { instead: ({ findings }) => ({ findings: [...findings, one] }) };
}

const critical = (id: string): FoundFacts => ({ id, severity: 'Critical', isFixed: true });

const SCAN: readonly Row<'scan'>[] = [
  ['with a critical finding', found(critical(FINDING.bad)), { vulnerabilities: true }],
  ['with a critical finding without fix', found({ id: FINDING.bad, severity: 'Critical' }), { vulnerabilities: blocksUnfixed }],
  ['with a high finding', found({ id: FINDING.bad, severity: 'High', isFixed: true }), { vulnerabilities: blocksHigh }],
  ['with a high finding without fix', found({ id: FINDING.bad, severity: 'High' }), { vulnerabilities: (rule) => blocksHigh(rule) && blocksUnfixed(rule) }],
  ['with a medium finding', found({ id: FINDING.bad, severity: 'Medium', isFixed: true }), {}],
  ['with a finding without severity', found({ id: FINDING.bad, severity: 'Unknown' }), { vulnerabilities: (rule) => rule.unknownSeverity === 'block' }],
  ['with a finding whose waiver has expired', found(critical(FINDING.expired)), { vulnerabilities: true }],
  ['with a finding that is waived for other images', found(critical(FINDING.elsewhere)), { vulnerabilities: true }],
  ['with a finding that is waived for another package', found(critical(FINDING.otherPackage)), { vulnerabilities: true }],
  ['with a finding that is waived', found(critical(FINDING.waived)), { vulnerabilities: (rule) => !hasWaivers(rule) }],
  [
    'with an advisory for what is waived',
    found({ ...critical(FINDING.advisory), related: [FINDING.waived] }),
    { vulnerabilities: (rule) => !hasWaivers(rule) },
  ],
  ['with an advisory for what is waived and more', found({ ...critical(FINDING.advisory), related: [FINDING.waived, FINDING.bad] }), { vulnerabilities: true }],
  ['of another image by its target', { instead: () => ({ scanned: OTHER_HEX }) }, { vulnerabilities: true }],
  ['that cannot be read', { unreadable: { matches: [], descriptor: { name: 'nobody' } } }, { vulnerabilities: true }],
  ['a second one with a critical finding', { also: () => ({ findings: [critical(FINDING.bad)] }) }, { vulnerabilities: true }],
  [
    'too old',
    { instead: (_, context) => ({ at: hoursAgo(context, (MIN_AGE_DAYS + 1) * DAYS) }) },
    { vulnerabilities: (rule) => rule.report.maxScanAgeDays !== undefined },
  ],
];

const VEX: readonly Row<'vex'>[] = [
  ['under investigation', { instead: () => ({ status: 'under_investigation' }) }, { vulnerabilities: true }],
  ['without justification', { instead: () => ({ justification: undefined }) }, { vulnerabilities: true }],
  ['that says fixed', { instead: () => ({ status: 'fixed' }) }, {}],
  ['about another image by its product', { instead: () => ({ product: `pkg:oci/app@sha256%3A${OTHER_HEX}` }) }, { vulnerabilities: true }],
  ['about an image without digest', { instead: () => ({ product: 'pkg:oci/app' }) }, { vulnerabilities: true }],
  ['about another vulnerability', { instead: () => ({ id: FINDING.bad }) }, { vulnerabilities: true }],
  ['of tomorrow', { instead: (_, context) => ({ at: hoursAgo(context, -DAYS) }) }, { vulnerabilities: true }],
  ['withdrawn later', { also: (_, context) => ({ status: 'affected', at: hoursAgo(context, 1) }) }, { vulnerabilities: true }],
  ['affected before', { also: (_, context) => ({ status: 'affected', at: hoursAgo(context, 3) }) }, {}],
  ['that cannot be read', { unreadable: { '@context': 'https://openvex.dev/ns/v0.2.0' } }, { vulnerabilities: true }],
];

/** A critical finding that somebody says is none: a stranger, or a trusted signer whom the rule does not ask about VEX. */
const UNTRUSTED_VEX: readonly Breakage[] = (['stranger', 'auditor'] as const).map((by) => ({
  name: `scan: with a critical finding, and VEX by ${by}`,
  slot: 'scan',
  kind: 'content',
  applies: ({ needs }) => needs.scan !== undefined,
  hits: ({ type }) => type === 'vulnerabilities',
  apply({ slots, beside, facts }) {
    const [first] = slots.get('scan') ?? [];
    if (first === undefined) return;
    const findings = [...facts.scan.findings, critical(FINDING.bad)];
    slots.set('scan', [statementOf('scan', { ...facts.scan, findings }, first.signings)]);
    beside.push(statementOf('vex', { ...facts.vex, id: FINDING.bad }, [{ by, isLogged: true }]));
  },
}));

export const SCAN_BREAKAGES: readonly Breakage[] = [...contentBreakages('scan', SCAN), ...contentBreakages('vex', VEX), ...UNTRUSTED_VEX];
