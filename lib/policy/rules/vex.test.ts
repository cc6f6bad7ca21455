// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { EvidencePiece } from '../../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import { digestHex } from '../../reference/digest.ts';
import { evidence, OTHER_DIGEST, type PieceOptions, piece, SUBJECT_DIGEST } from '../test-evidence.ts';
import { expectResult, resultOf } from '../test-judge.ts';

const PURL = 'pkg:npm/merge-deeply@4.17.20';
const THIS = `pkg:oci/app@${SUBJECT_DIGEST.replace(':', '%3A')}?repository_url=registry.example.com/team/app`;
const OTHER = `pkg:oci/app@${OTHER_DIGEST}`;
const report = {
  scanner: 'x',
  scannedDigests: [SUBJECT_DIGEST],
  suppressed: 0,
  findings: [
    {
      id: 'GHSA-1',
      aliases: ['CVE-1'],
      severity: 'critical' as const,
      package: 'merge-deeply',
      version: '4.17.20',
      purl: PURL,
      fixedIn: [],
      fix: 'none' as const,
    },
  ],
};
const rule = 'type: vulnerabilities, block: [{ severity: high }], vex: { signers: { any: [vendor] } }';
const judged = (...pieces: EvidencePiece[]) => resultOf(rule, evidence(...pieces), { scan: { name: 'scan.json', digest: OTHER_DIGEST, report } });

type Statement = { name?: unknown; aliases?: string[]; status?: string; justification?: string | undefined; products?: unknown; timestamp?: string };
const statement = ({ name = 'CVE-1', aliases, status = 'not_affected', ...more }: Statement = {}) => ({
  vulnerability: { name, aliases },
  status,
  justification: 'vulnerable_code_not_in_execute_path',
  products: [{ '@id': THIS }],
  ...more,
});
const openVex = (statements: unknown, options: PieceOptions = {}, document: object = {}) =>
  piece(PREDICATE_TYPE.openvex, {
    by: 'vendor',
    ...options,
    predicate: { '@context': 'https://openvex.dev/ns/v0.2.0', timestamp: '2026-08-01T00:00:00Z', statements, ...document },
  });
const cycloneDx = (analysis: unknown, components: unknown[] = [{ 'bom-ref': 'r', purl: PURL }], ref = 'r') =>
  piece(PREDICATE_TYPE.cyclonedx, {
    by: 'vendor',
    predicate: {
      bomFormat: 'CycloneDX',
      metadata: { timestamp: '2026-08-01T00:00:00Z' },
      components,
      vulnerabilities: [{ id: 'CVE-1', analysis, affects: [{ ref }] }],
    },
  });

const range = (count: number): string[] => Array.from({ length: count }, (_, at) => String(at));

describe('VEX', () => {
  it.each<[name: string, pieces: EvidencePiece[]]>([
    ['not affected', [openVex([statement()])]],
    ['fixed', [openVex([statement({ status: 'fixed', justification: undefined })])]],
    ['by an alias', [openVex([statement({ name: 'X-1', aliases: ['ghsa-1'] })])]],
    ['by the digest of the product', [openVex([statement({ products: [{ '@id': 'app', hashes: { 'sha-256': digestHex(SUBJECT_DIGEST) } }] })])]],
    ['the package as a part of the artifact', [openVex([statement({ products: [{ '@id': THIS, subcomponents: [{ '@id': PURL }] }] })])]],
    ['the package as the product', [openVex([statement({ products: [{ '@id': 'x', identifiers: { purl: 'pkg:npm/merge-deeply' } }] })])]],
    ['the last word of several', [openVex([statement({ status: 'affected', timestamp: '2026-07-01T00:00:00Z' }), statement()])]],
    [
      'withdrawn for another package',
      [
        openVex([statement()]),
        openVex([statement({ status: 'affected', timestamp: '2026-08-02T00:00:00Z', products: [{ '@id': 'pkg:npm/other@1' }] })]),
      ].reverse(),
    ],
    ['of CycloneDX', [cycloneDx({ state: 'not_affected', justification: 'code_not_reachable' })]],
    ['resolved, of CycloneDX', [cycloneDx({ state: 'resolved' })]],
    ['about the root of CycloneDX', [cycloneDx({ state: 'resolved' }, [{ 'bom-ref': 'r', hashes: [{ alg: 'SHA-256', content: digestHex(SUBJECT_DIGEST) }] }])]],
    ['under the versioned type', [{ ...openVex([statement()]), predicateType: 'https://openvex.dev/ns/v0.2.0' }]],
  ])('suppresses: %s', (_name, pieces) => {
    const result = judged(...pieces);
    expectResult(result, 'passed');
    expect(result.facts.join('\n')).toMatch(/GHSA-1 in merge-deeply 4\.17\.20 \(critical\) is suppressed by VEX: (?:not_affected|fixed) by sha256:/);
    expect(result.evidence).toEqual(pieces.map(({ digest }) => digest).sort());
  });

  it.each<[name: string, pieces: EvidencePiece[], expected?: string]>([
    ['none', []],
    ['by a stranger', [openVex([statement()], { by: 'release' })]],
    ['rejected', [openVex([statement()], { rejected: 'tampered' })]],
    ['pending', [openVex([statement()], { kind: 'pending' })]],
    ['under another type', [{ ...openVex([statement()]), predicateType: 'https://example.com/vex' }]],
    ['about another artifact', [openVex([statement({ products: [{ '@id': OTHER }] })])]],
    ['about an artifact without a digest', [openVex([statement({ products: [{ '@id': 'pkg:oci/app' }] })])]],
    ['about the tag', [openVex([statement({ products: [{ '@id': 'registry.example.com/team/app:v1' }] })])]],
    ['about no product', [openVex([statement({ products: [] })])]],
    ['about no product at all', [openVex([statement({ products: undefined })])]],
    ['about another part', [openVex([statement({ products: [{ '@id': THIS, subcomponents: [{ '@id': 'pkg:npm/other@1' }] }] })])]],
    [
      'about the part of another artifact',
      [
        openVex([
          statement({
            products: [
              { '@id': OTHER, subcomponents: [{ '@id': PURL }] },
              { '@id': THIS, subcomponents: [{ '@id': 'pkg:npm/other@1' }] },
            ],
          }),
        ]),
      ],
    ],
    ['about another version', [openVex([statement({ products: [{ '@id': 'pkg:npm/merge-deeply@4.17.21' }] })])]],
    ['about another type of package', [openVex([statement({ products: [{ '@id': 'pkg:deb/merge-deeply@4.17.20' }] })])]],
    ['about another vulnerability', [openVex([statement({ name: 'CVE-2' })])]],
    ['not affected without a reason', [openVex([statement({ justification: undefined })])]],
    ['under investigation', [openVex([statement({ status: 'under_investigation' })])]],
    ['affected', [openVex([statement({ status: 'affected' })])]],
    ['withdrawn later', [openVex([statement()]), openVex([statement({ status: 'affected', timestamp: '2026-08-02T00:00:00Z' })])]],
    ['withdrawn at the same time', [openVex([statement(), statement({ status: 'under_investigation' })])]],
    ['withdrawn on a day, which does not say whether before or after', [openVex([statement(), statement({ status: 'affected', timestamp: '2026-08-01' })])]],
    ['said on a day', [openVex([statement({ timestamp: '2026-08-01' })])]],
    [
      'withdrawn for no product',
      [openVex([statement()]), openVex([statement({ status: 'affected', timestamp: '2026-08-02T00:00:00Z', products: undefined })])],
    ],
    [
      'withdrawn for the tag',
      [
        openVex([statement()]),
        openVex([statement({ status: 'affected', timestamp: '2026-08-02T00:00:00Z', products: [{ '@id': 'registry.example.com/team/app:v1' }] })]),
      ],
    ],
    ['withdrawn at a time that is none', [openVex([statement(), statement({ status: 'affected', timestamp: 'once' })])]],
    ['said in time to come', [openVex([statement({ timestamp: '2027-01-01T00:00:00Z' })])]],
    ['exploitable, of CycloneDX', [cycloneDx({ state: 'exploitable' })]],
    ['a false positive without a detail is one all the same, but of another ref', [cycloneDx({ state: 'false_positive' }, undefined, 'urn:cdx:x/1#r')]],
    ['not affected without a justification, of CycloneDX', [cycloneDx({ state: 'not_affected' })]],
    ['that cannot be read', [openVex([statement({ status: 'fine' })])], 'cannot be read'],
    ['that cannot be read beside one that can', [openVex([statement()]), openVex('none')], 'cannot be read'],
    ['of another context', [openVex([statement()], {}, { '@context': 'https://openvex.dev.evil.example/ns' })], 'cannot be read'],
    ['an identifier that is a list', [openVex([statement({ name: ['CVE-1'] })])], 'cannot be read'],
    ['too many statements', [openVex(new Array(50_001).fill(statement()))], 'cannot be read'],
    ['an unknown state', [cycloneDx({ state: 'toString' })], 'cannot be read'],
    [
      'so many pairs of identifiers and products that they fill the memory',
      [
        openVex(
          new Array(60)
            .fill(statement({ aliases: range(90), products: range(100).map((n) => ({ '@id': `pkg:npm/${n}@${n}` })) }))
            .map((one, at) => ({ ...one, vulnerability: { name: `X-${at}`, aliases: range(90).map((n) => `${n}-${at}`) } })),
        ),
      ],
      'none was looked at',
    ],
  ])('suppresses nothing: %s', (_name, pieces, expected) => {
    const result = judged(...pieces);
    expectResult(result, 'GHSA-1 in merge-deeply 4.17.20: critical');
    if (expected) expectResult(result, expected);
  });

  it('says that a stranger spoke', () => {
    const stranger = openVex([statement()], { by: 'release' });
    expect(judged(stranger).facts.join('\n')).toContain(`by nobody whom the rule names, and were not looked at: ${stranger.digest}`);
  });

  it('is not looked at where the rule names nobody', () => {
    const text = rule.replace(/, vex: .*/, '');
    expectResult(resultOf(text, evidence(openVex([statement()])), { scan: { name: 'scan.json', digest: OTHER_DIGEST, report } }), 'GHSA-1');
  });
});
