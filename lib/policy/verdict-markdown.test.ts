// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { judge } from './judge.ts';
import { code, prose } from './markdown.ts';
import { parsePolicy } from './policy.ts';
import { evidence, NOW, OTHER_DIGEST, piece, readTestSbom, sbom, signature } from './test-evidence.ts';
import { failedRules, verdictJson } from './verdict.ts';
import { verdictMarkdown } from './verdict-markdown.ts';
import type { ScanReport } from './vulnerability-report.ts';

const POLICY = parsePolicy(
  Buffer.from(`
apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata: { name: test }
signers: [{ name: release, key: { file: a.pub } }]
rules:
  - { id: signed, type: signature, signers: { any: [release] } }
  - { id: sbom, type: sbom, level: warn, signers: { any: [release] } }
  - { id: scanned, type: vulnerabilities, block: [{ severity: low }] }
  - { id: later, type: sbom, stages: [deploy], signers: { any: [release] } }
`),
  'policy.yaml',
);

function verdictOn(findings: Partial<ScanReport['findings'][number]>[], ...pieces: Parameters<typeof evidence>) {
  const full = findings.map((finding) => ({
    id: 'CVE-1',
    aliases: [],
    severity: 'high' as const,
    package: 'p',
    version: '1',
    fixedIn: [],
    fix: 'none' as const,
    ...finding,
  }));
  const report: ScanReport = { scanner: 'grype 1', scannedDigests: [], findings: full, suppressed: 0 };
  const scan = { name: 'scan.json', digest: OTHER_DIGEST, report };
  return judge({ policy: POLICY, policyDigest: OTHER_DIGEST, evidence: evidence(...pieces), stage: 'build', now: NOW, readSbom: readTestSbom, scan });
}

describe('the page', () => {
  it('of a passed verdict shows rules, evidence with log index, and notes', () => {
    const page = verdictMarkdown(verdictOn([], signature({ index: 7 }), sbom()));
    expect(page).toContain('## Verdict: PASSED');
    expect(page).toContain('| ✓ | `signed` | signature | enforce | signed by release |');
    expect(page).toContain('7 of `https://log.example.com`');
    expect(page).toContain('Not judged: `later` (sbom), it belongs to stage deploy');
    expect(page).toContain('No trusted time');
  });

  it('of a failed verdict names object, reason and remedy, and tells failures from warnings', () => {
    const verdict = verdictOn([{}]);
    const page = verdictMarkdown(verdict);
    expect(page).toContain('## Verdict: FAILED');
    expect(page).toContain('| ✗ | `signed` |');
    expect(page).toContain('| ! | `sbom` |');
    expect(page).toContain('- `CVE-1 in p 1`: high, not fixed yet\n  - to do: give the rule a waiver');
    expect(page).toContain('There is none.');
    expect(failedRules(verdict, 'enforce').map(({ id }) => id)).toEqual(['signed', 'scanned']);
    expect(failedRules(verdict, 'warn').map(({ id }) => id)).toEqual(['sbom']);
  });

  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '![x](https://evil.example/pixel.png)',
    '[click](https://evil.example)',
    '` | broken | `code`',
    '@team/everyone',
    'line\n\n## Verdict: PASSED\n',
    '\u202Egnp.exe',
    '| a | b |',
    'https://evil.example/x www.evil.example',
  ])('makes hostile text inert: %j', (text) => {
    const verdict = verdictOn(
      [{ id: 'CVE-1', package: text, version: text, fixedIn: [text], fix: 'available' }],
      signature({ rejected: text }),
      piece(`https://x.example/${text}`, { by: 'qa', index: 1, log: text }),
    );
    const page = verdictMarkdown(verdict);
    // Outside of code spans nothing may be left that a renderer takes for markup, a link or a mention.
    const outside = page.replace(/`[^`\n]*`/g, '');
    expect(outside).not.toMatch(/(?<!\\)<|(?<!\\)!\[|(?<!\\)\]\(|@\w|[a-z]:\/\/|\bwww\.|\u202E|`/i);
    expect(page.split('\n').filter((line) => line.startsWith('## '))).toEqual(['## Verdict: FAILED']);
    const cells = page.split('\n').filter((line) => line.startsWith('| '));
    expect(new Set(cells.map((line) => line.split('|').length - 2))).toEqual(new Set([5, 7]));
  });

  it('is bounded, by whole lines', () => {
    const many = Array.from({ length: 900 }, (_, index) => signature({ by: 'qa', index, rejected: 'x'.repeat(5000) }));
    const page = verdictMarkdown(
      verdictOn(
        Array.from({ length: 5000 }, (_, index) => ({ id: `CVE-${index}`, package: 'x'.repeat(2000) })),
        ...many,
      ),
    );
    expect(page.length).toBeLessThan(61_000);
    expect(page).toContain('more problems, listed in the JSON verdict');
    expect(page).toContain('and 860 more pieces');
  });
});

describe('Markdown of foreign text', () => {
  it.each([
    ['plain words, 1.2.3-4', 'plain words, 1.2.3-4'],
    ['- item', '\\- item'],
    ['1. item', '1\\. item'],
    ['# title', '\\# title'],
    ['**bold**', '\\*\\*bold\\*\\*'],
    ['a|b', 'a¦b'],
    ['@user #12 !3', '@\u200buser \\#\u200b12 \\!\u200b3'],
    ['a\r\nb\tc', 'a  b c'],
  ])('%j as prose is %j', (text, expected) => {
    expect(prose(text)).toBe(expected);
  });

  it.each([
    ['name', '`name`'],
    ['a`b|c\nd', "`a'b¦c d`"],
    ['', '–'],
    ['x'.repeat(300), `\`${'x'.repeat(200)}…\``],
  ])('%j as code is %j', (text, expected) => {
    expect(code(text)).toBe(expected);
  });
});

describe('the JSON verdict', () => {
  it('is the same text for the same verdict and ends with a line break', () => {
    const text = verdictJson(verdictOn([], signature()));
    expect(verdictJson(JSON.parse(text))).toBe(text);
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toMatchObject({ kind: 'Verdict', outcome: 'passed', stage: 'build', judgedAt: '2026-08-15T12:00:00.000Z' });
  });
});
