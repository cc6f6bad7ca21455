// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import { readSbomFacts } from '../../verify/sbom-facts.ts';
import { evidence, OTHER_DIGEST, type PieceOptions, piece, SUBJECT_DIGEST } from '../test-evidence.ts';
import { cpuMs, expectResult, resultOf } from '../test-judge.ts';

type Component = { name?: string; purl?: string; licenses?: unknown };
const component = ({ name = 'p', purl = 'pkg:npm/p@1', licenses }: Component = {}) => ({ type: 'library', name, version: '1', purl, licenses });
const cycloneDx = (components: unknown[], options: PieceOptions = {}, timestamp = '2026-08-10T00:00:00Z') =>
  piece(PREDICATE_TYPE.cyclonedx, {
    ...options,
    predicate: {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      metadata: { timestamp, component: { type: 'container', name: 'app', purl: `pkg:oci/app@${SUBJECT_DIGEST}` } },
      components,
    },
  });
const spdx = (packages: unknown[], change: object = {}) =>
  piece(PREDICATE_TYPE.spdxjson, {
    predicate: {
      spdxVersion: 'SPDX-2.3',
      SPDXID: 'SPDXRef-DOCUMENT',
      creationInfo: { created: '2026-08-10T00:00:00Z' },
      packages: [{ SPDXID: 'SPDXRef-root', name: 'app', versionInfo: SUBJECT_DIGEST }, ...packages],
      relationships: [{ spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-root' }],
      ...change,
    },
  });
const spdxPackage = (change: object = {}) => ({
  SPDXID: 'SPDXRef-p',
  name: 'p',
  versionInfo: '1',
  licenseConcluded: 'NOASSERTION',
  licenseDeclared: 'GPL-3.0-only',
  externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: 'pkg:npm/p@1' }],
  ...change,
});
const rule = (more: string) => `type: sbom, requireComplete: false, signers: { any: [release] }, ${more}`;
const judged = (more: string, ...pieces: Parameters<typeof evidence>) => resultOf(rule(more), evidence(...pieces), { readSbom: readSbomFacts });
const licence = (...licenses: unknown[]) => cycloneDx([component({ licenses })]);

describe('what a stranger may write', () => {
  it('is read in linear time: a licence of spaces', () => {
    const spaces = licence(...new Array(3).fill({ license: { name: `${' '.repeat(60_000)}x` } }));
    expect(cpuMs(() => expect(judged('forbiddenLicences: [GPL-*]', spaces).outcome).toBe('passed'))).toBeLessThan(2000);
  });

  it.each([
    ['escaped letters', 'pkg:npm/%70@1'],
    ['qualifiers', 'pkg:npm/p@1?arch=x#y'],
  ])('hides no forbidden package behind %s', (_name, purl) => {
    expectResult(judged('forbiddenPackages: ["pkg:npm/p@*"]', cycloneDx([component({ purl })])), 'which the rule forbids');
  });

  it('hides no forbidden package by describing it', () => {
    const relationships = ['SPDXRef-root', 'SPDXRef-p'].map((id) => ({
      ...{ spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: id },
    }));
    const more = 'format: spdx, forbiddenPackages: ["pkg:npm/p@*"]';
    expectResult(judged(more, spdx([spdxPackage(), spdxPackage({ SPDXID: 'SPDXRef-q', externalRefs: [] })], { relationships })), 'which the rule forbids');
  });
});

describe('licences', () => {
  const forbidden = 'forbiddenLicences: [GPL-*, AGPL-*]';
  it.each([
    ['another one', forbidden, licence({ license: { id: 'MIT' } })],
    ['a choice', forbidden, licence({ expression: 'MIT OR GPL-3.0-only' })],
    ['one whose name holds the forbidden', forbidden, licence({ license: { id: 'LGPL-3.0-only' } })],
    ['none', forbidden, cycloneDx([component()])],
    ['one, where one is required', 'requireLicences: true', licence({ license: { name: 'Our own' } })],
  ])('pass: %s', (_name, more, sbom) => {
    expectResult(judged(more, sbom), 'passed');
  });

  it.each([
    ['forbidden', forbidden, licence({ license: { id: 'GPL-3.0-only' } }), 'holds pkg:npm/p@1, whose licence GPL-3.0-only the rule forbids'],
    ['in another case', forbidden, licence({ license: { id: 'gpl-3.0-ONLY' } }), 'the rule forbids'],
    ['a name', 'forbiddenLicences: ["GNU*"]', licence({ license: { name: 'GNU General' } }), 'the rule forbids'],
    ['beside another', forbidden, licence({ license: { id: 'MIT' } }, { license: { id: 'AGPL-3.0-only' } }), 'AGPL-3.0-only'],
    ['one of both that are needed', forbidden, licence({ expression: 'MIT AND GPL-2.0-only' }), 'the rule forbids'],
    ['all choices', forbidden, licence({ expression: 'AGPL-3.0-only OR GPL-2.0-only' }), 'the rule forbids'],
    ['with an exception', forbidden, licence({ expression: 'GPL-2.0-only WITH Classpath-exception-2.0' }), 'the rule forbids'],
    ['in parentheses', forbidden, licence({ expression: 'MIT AND (GPL-2.0-only OR ISC)' }), 'the rule forbids'],
    ['beside an empty choice', forbidden, licence({ expression: 'GPL-3.0-only OR ' }), 'the rule forbids'],
    ['in a form that cannot be read', forbidden, licence({ licence: 'MIT' }), 'cannot be read'],
    ['that is no list', forbidden, cycloneDx([component({ licenses: { id: 'MIT' } })]), 'cannot be read'],
    ['none, where one is required', 'requireLicences: true', cycloneDx([component()]), 'which states no licence'],
    [
      'of a nested component',
      forbidden,
      cycloneDx([{ ...component(), components: [component({ licenses: [{ license: { id: 'GPL-2.0' } }] })] }]),
      'the rule forbids',
    ],
    ['of SPDX', `${forbidden}, format: spdx`, spdx([spdxPackage()]), 'whose licence GPL-3.0-only'],
    ['declared, where another is concluded', `${forbidden}, format: spdx`, spdx([spdxPackage({ licenseConcluded: 'MIT' })]), 'whose licence GPL-3.0-only'],
  ])('fail: %s', (_name, more, sbom, expected) => {
    expectResult(judged(more, sbom), expected);
  });
});

describe('packages', () => {
  it.each([
    ['every version', 'forbiddenPackages: ["pkg:npm/p@*"]', cycloneDx([component()]), 'holds pkg:npm/p@1, which the rule forbids'],
    [
      'with qualifiers',
      'forbiddenPackages: ["pkg:deb/debian/p@*"]',
      cycloneDx([component({ purl: 'pkg:deb/debian/p@1?arch=amd64' })]),
      'which the rule forbids',
    ],
    ['of SPDX', 'format: spdx, forbiddenPackages: ["pkg:npm/*@*"]', spdx([spdxPackage()]), 'which the rule forbids'],
  ])('fail: %s', (_name, more, sbom, expected) => {
    expectResult(judged(more, sbom), expected);
  });

  it('pass where another one is forbidden', () => {
    expectResult(judged('forbiddenPackages: ["pkg:npm/q@*", "pkg:npm/p@2*"]', cycloneDx([component()])), 'passed');
  });

  it('are many, and answered within seconds in bounded words', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => component({ name: `p${index}`, purl: `pkg:npm/p${index}@1` }));
    const globs = Array.from({ length: 200 }, (_, index) => `"pkg:npm/*p${index}@*"`).join(', ');
    const judge = () => judged(`forbiddenPackages: ["pkg:npm/p*@1", ${globs}]`, cycloneDx(many));
    expect(cpuMs(() => expect(judge().problems).toHaveLength(21))).toBeLessThan(5000);
  });
});

describe('SPDX', () => {
  it.each([
    ['2.3', 'format: spdx', spdx([spdxPackage()])],
    [
      '2.2, told by documentDescribes',
      'format: spdx',
      spdx([spdxPackage()], { spdxVersion: 'SPDX-2.2', relationships: undefined, documentDescribes: ['SPDXRef-root'] }),
    ],
    ['either format', 'format: any', spdx([spdxPackage()])],
    ['either format, CycloneDX', 'format: any', cycloneDx([component()])],
  ])('passes: %s', (_name, more, sbom) => {
    expectResult(judged(more, sbom), 'passed');
  });

  it.each([
    ['where CycloneDX is asked for', 'minComponents: 1', spdx([spdxPackage()]), 'there is no cyclonedx attestation'],
    [
      'of another artifact',
      'format: spdx',
      spdx([spdxPackage()], { packages: [{ SPDXID: 'SPDXRef-root', name: 'a', versionInfo: OTHER_DIGEST }, spdxPackage()] }),
      'describes another artifact',
    ],
    ['that does not say what it describes', 'format: spdx', spdx([spdxPackage()], { relationships: [] }), 'does not say what it describes'],
    ['without packages', 'format: spdx', spdx([]), 'holds 0 components'],
    ['of version 3', 'format: spdx', spdx([spdxPackage()], { spdxVersion: 'SPDX-3.0' }), 'is not an SPDX 2.2 or 2.3 document'],
    ['whose packages are a mapping', 'format: spdx', spdx([], { packages: {} }), 'packages'],
    ['CycloneDX under its type', 'format: spdx', piece(PREDICATE_TYPE.spdxjson, { predicate: { bomFormat: 'CycloneDX' } }), 'cannot be read'],
    ['neither', 'format: any', piece('https://example.com/sbom'), 'there is no cyclonedx attestation'],
  ])('fails %s', (_name, more, sbom, expected) => {
    expectResult(judged(more, sbom), expected);
  });

  it('never states that it is complete', () => {
    const text = 'type: sbom, format: spdx, signers: { any: [release] }';
    expectResult(resultOf(text, evidence(spdx([spdxPackage()])), { readSbom: readSbomFacts }), 'does not state that it is complete');
  });
});

describe('the age of an SBOM', () => {
  it.each<[name: string, sbom: ReturnType<typeof cycloneDx>, expected: string]>([
    ['young, with a verified time', cycloneDx([component()], { stamped: '2026-08-10T00:01:00Z' }), 'passed'],
    ['young by its own word alone', cycloneDx([component()]), 'has no verified time'],
    ['old, and logged anew', cycloneDx([component()], { stamped: '2026-08-15T00:00:00Z' }, '2026-06-01T00:00:00Z'), 'is 75 days old, and may be 30'],
    ['of time to come', cycloneDx([component()], { stamped: '2026-08-15T00:00:00Z' }, '2026-12-01T00:00:00Z'), 'states a time to come'],
    ['made after it was signed', cycloneDx([component()], { stamped: '2026-08-01T00:00:00Z' }), 'after it was signed'],
    ['without a time', cycloneDx([component()], { stamped: '2026-08-15T00:00:00Z' }, ''), 'states no time'],
  ])('%s', (_name, sbom, expected) => {
    expectResult(judged('maxAgeDays: 30', sbom), expected);
  });
});
