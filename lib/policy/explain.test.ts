// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { explainPolicy, explainVerdict } from './explain.ts';
import { parsePolicy } from './policy.ts';
import { evidence, signature } from './test-evidence.ts';
import { verdictOf } from './test-judge.ts';
import { verdictJson } from './verdict.ts';
import { parseVerdict } from './verdict-file.ts';

const SIGNERS = 'signers: { threshold: 2, of: [a, b, c] }';
const RULES = [
  `id: signature, type: signature, images: [host/**], effectiveFrom: 2026-12-01, ${SIGNERS}`,
  `id: log-entry, type: log-entry, for: [signature], logs: [https://log.example], ${SIGNERS}`,
  `id: sbom, type: sbom, minComponents: 3, forbiddenLicences: [AGPL-*], requireLicences: true, forbiddenPackages: ["pkg:npm/x@*"], maxAgeDays: 9, ${SIGNERS}`,
  `id: attestation, type: attestation, predicateType: custom, min: 2, conditions: [{ path: /x/*, equals: 7, quantifier: any }], ${SIGNERS}`,
  `id: provenance, type: provenance, builders: [{ matches: "https://b.*" }], source: { repositories: [https://git.example/*], refs: [refs/heads/main] }, ${SIGNERS}`,
  `id: base, type: base-image, allow: [host/base/*], deny: [host/base/old], ${SIGNERS}`,
  `id: approval, type: approval, minApprovers: 2, approvers: [ann], gates: [release], environments: [prod], maxAgeDays: 5, ${SIGNERS}`,
  'id: scan, type: vulnerabilities, level: warn, stages: [build], block: [{ severity: high, fix: available, minCvss: 7, minEpss: 0.5, kev: true, leeway: { days: 3, since: fixed } }], waivers: [{ id: CVE-1-1, package: p, reason: r, approver: ann, ticket: T-1, expires: 2026-12-31 }]',
];
const POLICY = parsePolicy(
  Buffer.from(
    `apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: { name: test }\nsigners: [{ name: a, key: { file: a } }, { name: b, key: { file: b } }, { name: c, key: { file: c } }]\nrules:\n${RULES.map((rule) => `  - { ${rule} }`).join('\n')}\n`,
  ),
  'policy.yaml',
);

describe('a policy in words', () => {
  it.each([
    ['signature', 'Signed by 2 of a, b, c.'],
    ['signature', 'It is for images among host/**.'],
    ['signature', 'A failure fails the verdict, at stage build and deploy, from 2026-12-01 on; before, it is only reported.'],
    ['log-entry', 'Only these logs count: https://log.example.'],
    ['sbom', 'It must hold at least 3 components.'],
    ['attestation', 'Of each predicate must hold: /x/* equals 7 (any).'],
    ['provenance', 'The builder is what matches https://b.*.'],
    ['provenance', 'Every source is a repository among https://git.example/*, at a ref among refs/heads/main.'],
    ['sbom', 'No package may need a licence among AGPL-*.'],
    ['approval', 'At least 2 people approved, the requester not counted.'],
    ['base', 'Allowed are host/base/*, but not host/base/old.'],
    ['scan', 'Blocked: high and worse, with a fix, CVSS 7 or more, EPSS 0.5 or more, known to be exploited, 3 days after it was fixed.'],
    ['scan', 'Waived until 2026-12-31: CVE-1-1 in p, approved by ann (T-1), because: r.'],
    ['scan', 'A failure is only reported, at stage build.'],
  ])('says of rule %s: %s', (id, sentence) => {
    const [rule] = explainPolicy(POLICY, id);
    expect(rule?.settings).toContain(sentence);
  });

  it('says of every rule what meets it and what to do', () => {
    const rules = explainPolicy(POLICY);
    expect(rules.map(({ id }) => id)).toEqual(POLICY.rules.map(({ id }) => id));
    for (const rule of rules) for (const text of [rule.asks, rule.evidence, rule.remedy]) expect(text).toMatch(/^[A-Z].*\.$/);
  });

  it('knows no rule that is not there, and says which are', () => {
    expect(() => explainPolicy(POLICY, 'sign')).toThrow(
      expect.objectContaining({ code: 'RULE_UNKNOWN', hint: expect.stringContaining('signature, log-entry') }),
    );
  });

  it('has its words for the sample policy as well', () => {
    const sample = parsePolicy(readFileSync(new URL('sample-policy.yaml', import.meta.url)), 'sample');
    for (const { settings } of explainPolicy(sample)) expect(settings.join(' ')).not.toMatch(/undefined|\[object/);
  });
});

describe('a verdict in words', () => {
  const rules = [
    'id: logged, type: log-entry, level: warn, signers: { any: [a] }',
    'id: signed, type: signature, signers: { any: [a] }',
    'id: sbom, type: sbom, stages: [deploy], signers: { any: [a] }',
  ];
  const read = (text: string) => parseVerdict(Buffer.from(text), 'verdict.json');

  it('begins with what failed, and tells reason, remedy and what was not judged', () => {
    const explained = explainVerdict(read(verdictJson(verdictOf(rules, evidence(signature({ by: 'b' }))))));
    expect(explained.map(({ id, state }) => [id, state])).toEqual([
      ['signed', 'failed'],
      ['logged', 'warned'],
      ['sbom', 'not-judged'],
    ]);
    expect(explained[0]?.problems[0]).toMatchObject({ reason: expect.stringContaining('must sign'), remedy: expect.stringContaining('sign as a') });
    expect(explained[2]?.summary).toBe('it belongs to stage deploy');
  });

  it('reads rules of types that it does not know', () => {
    const verdict = JSON.parse(verdictJson(verdictOf(rules, evidence())));
    verdict.rules[0].type = 'from-the-future';
    expect(explainVerdict(read(JSON.stringify(verdict)), 'logged')[0]?.remedy).toContain('version that wrote');
  });

  it.each(['', '{}', '[]', '{"kind":"Verdict"}', 'null', `${'['.repeat(100_000)}`])('refuses what is no verdict: %.20s', (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'VERDICT_INVALID', kind: 'input' }));
  });
});
