// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { EvidenceDocument } from './evidence-document.ts';
import { evidenceHtml } from './evidence-html.ts';

const DOCUMENT = {
  subject: 'registry.example.com/app@sha256:00',
  origin: 'app.tar',
  outcome: 'failed',
  evidence: [{ what: 'cyclonedx', digest: 'sha256:11', signers: [], problem: '</td><script>alert(1)</script>' }],
  verdict: { rules: [{ id: 'signed', level: 'enforce', outcome: 'failed', summary: 'not signed by "us"' }] },
  notes: ['<img src=x onerror=alert(1)>'],
  release: {
    outcome: 'released',
    gate: { decision: 'approved', answeredBy: 'auto', approvers: 'ann (auto)', comments: '' },
    reference: 'registry.example.com/release/app@sha256:00',
    commit: { id: 'c0ffee', changed: true, repository: 'http://127.0.0.1:1/gitops.git', folder: '/state/git', file: 'apps/<i>/d.yaml' },
    deployment: { occurrence: 'projects/p/occurrences/1', address: 'here', config: 'c0ffee', time: '2026-01-01T00:00:00Z' },
  },
  notifications: [{ pipeline: 'release-image', delivered: 'log', lines: ['release-image succeeded: <b>now</b>'] }],
  timings: [{ pipeline: 'secure-image', task: 'sbom', state: 'Succeeded', seconds: 1.25 }],
} as unknown as EvidenceDocument;

const SBOM = JSON.stringify({
  components: [
    { name: 'left<b>pad', group: '@scope', version: '1.0.0', purl: 'pkg:npm/%40scope/leftpad@1.0.0', licenses: [{ license: { id: 'MIT' } }] },
    { name: 'bash', version: '5.2', purl: 'pkg:deb/debian/bash@5.2', licenses: [{ expression: 'GPL-3.0-or-later' }, 7] },
  ],
});

describe('evidence.html', () => {
  it('shows subject, verdict, evidence and packages', () => {
    const html = evidenceHtml(DOCUMENT, SBOM);
    for (const text of [
      'registry.example.com/app@sha256:00',
      'class="verdict failed"',
      '<td>sha256:11</td>',
      '<td>deb</td>',
      'GPL-3.0-or-later',
      '1.3 s',
      'Packages (2)',
      'auto: approved, nobody was asked',
      '<td>c0ffee</td>',
      'projects/p/occurrences/1, to here',
      'release-image, by log',
    ]) {
      expect(html).toContain(text);
    }
  });

  it('lets nothing foreign become markup or reach the network', () => {
    const html = evidenceHtml(DOCUMENT, SBOM);
    expect(html.match(/<script>/g)).toHaveLength(1);
    expect(html).not.toMatch(/<img|<b>|<i>|<[^>]*\s(?:href|src)=/);
    expect(html).toContain("default-src 'none'");
  });

  it('works without an SBOM, and refuses one that is none', () => {
    expect(evidenceHtml(DOCUMENT, undefined)).toContain('Packages (0)');
    expect(() => evidenceHtml(DOCUMENT, '{"components":7}')).toThrow();
  });
});
