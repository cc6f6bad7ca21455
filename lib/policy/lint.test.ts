// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { lintPolicy } from './lint.ts';
import { NOW } from './test-evidence.ts';

const HEAD = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata: { name: test }
signers:
  - { name: release, key: { file: a.pub } }
rules:
  - { id: signed, type: signature, signers: { any: [release] } }
`;

/** `code at line:column message` of each finding for the rules behind the rule `signed`, which is on line 7. */
function lint(rules: string, head = HEAD): string[] {
  return lintPolicy(Buffer.from(`${head}${rules}`), NOW).map(
    ({ severity, code, place, message }) => `${severity} ${code} ${place?.line}:${place?.column} ${message}`,
  );
}

describe('lint of a policy', () => {
  it('finds nothing in a good one', () => {
    expect(lint('')).toEqual([]);
  });

  it('tells every error with line and column', () => {
    const found = lint('  - { id: sbom, type: sbom, signers: { any: [stranger] } }\n  - id: scan\n    type: vibes\n');
    expect(found).toEqual([
      expect.stringMatching(/^error invalid 8:46 rules\[1\]\.signers\.any\[0\]: "stranger" is not defined/),
      expect.stringMatching(/^error invalid 10:5 rules\[2\]\.type: is not a type of rule/),
    ]);
  });

  it('tells YAML errors where they are', () => {
    expect(lint('  - {')).toEqual([expect.stringMatching(/^error invalid \d+:\d+ /)]);
    expect(lint('  - *anchor\n')).toEqual([expect.stringMatching(/^error invalid 8:5 /)]);
  });

  const waiver = (more: string): string => `      - { id: CVE-2025-0001, reason: r, approver: a, ${more} }\n`;
  const scan = (waivers: string): string => `  - id: scan\n    type: vulnerabilities\n    block: [{ severity: high }]\n    waivers:\n${waivers}`;

  it('tells waivers that ended or soon will', () => {
    expect(lint(scan(waiver('expires: 2026-08-14')))).toEqual([
      expect.stringMatching(/^warning expired 12:54 rules\[1\]\.waivers\[0\]\.expires: ended with 2026-08-14/),
    ]);
    expect(lint(scan(waiver('expires: 2026-08-15')))).toEqual([expect.stringMatching(/^warning expires-soon 12:/)]);
    expect(lint(scan(waiver('expires: 2026-08-29')))).toEqual([]);
  });

  it.each([
    [
      'a waiver under a wider one',
      scan(`${waiver('package: x, expires: 2026-12-01')}${waiver('expires: 2026-12-31')}`),
      'waivers[0]: never applies: waivers[1]',
    ],
    ['the same waiver by another approver', scan(`${waiver('package: x, expires: 2026-12-31')}${waiver('package: y, expires: 2026-12-31')}`), undefined],
    ['a wider waiver that ends before', scan(`${waiver('package: x, expires: 2026-12-31')}${waiver('expires: 2026-12-01')}`), undefined],
    [
      'a block under a wider one',
      '  - { id: scan, type: vulnerabilities, block: [{ severity: high }, { severity: critical, fix: available }] }\n',
      'block[1]: never applies: block[0]',
    ],
    [
      'a block that asks for something else',
      '  - { id: scan, type: vulnerabilities, block: [{ severity: high, fix: available }, { severity: critical }] }\n',
      undefined,
    ],
    [
      'a block with a condition of its own',
      '  - { id: scan, type: vulnerabilities, block: [{ severity: high, minEpss: 0.5 }, { severity: critical }] }\n',
      undefined,
    ],
    [
      'the same rule again',
      '  - { id: again, type: signature, level: warn, stages: [deploy], signers: { any: [release] } }\n',
      'rules[1].id: asks the same as rule signed',
    ],
    ['the same rule for another stage', '  - { id: again, type: log-entry, signers: { any: [release] } }\n', undefined],
  ])('%s', (_, rules, says) => {
    const found = lint(rules);
    expect(found).toEqual(says === undefined ? [] : [expect.stringContaining(says)]);
  });

  it('tells a stage that nothing could fail, and that therefore fails always', () => {
    const head = HEAD.replace('type: signature,', 'type: signature, stages: [build],');
    expect(lint('', head)).toEqual([
      expect.stringMatching(/^warning enforces-nothing 6:1 rules: a verdict of stage deploy fails always: no rule is of this stage/),
    ]);
    const warned = HEAD.replace('type: signature,', 'type: signature, level: warn,');
    expect(lint('', warned)).toHaveLength(2);
  });
});
