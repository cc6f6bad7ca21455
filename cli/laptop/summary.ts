// SPDX-License-Identifier: Apache-2.0
import { cleanLine } from '../runner/reporter.ts';
import type { EvidenceDocument } from './evidence-document.ts';

const SHORT_DIGEST = 19;

/** The end of a laptop run on one screen: subject, evidence, verdict rule by rule, what was not judged, and where to look further. Plain text without colour. */
export function summaryText(document: EvidenceDocument, files: { folder: string }): string {
  const { verdict } = document;
  const evidence = document.evidence.map((row) => {
    const index = row.logIndex === undefined ? 'not logged' : `log index ${row.logIndex}`;
    return `  ${row.what.padEnd(16)} ${row.digest.slice(0, SHORT_DIGEST)}…  ${index.padEnd(14)} ${row.signers.join(', ') || 'nobody we trust'}${row.problem ? `  (${row.problem})` : ''}`;
  });
  const rules = (verdict?.rules ?? []).map((rule) => `  ${mark(rule)} ${rule.id.padEnd(16)} ${rule.summary}`);
  return [
    '',
    `subject   ${document.subject}`,
    '',
    'evidence',
    ...(evidence.length > 0 ? evidence : ['  none']),
    '',
    `verdict   ${document.outcome.toUpperCase()}${verdict ? ` by policy ${verdict.policy.name} (${verdict.policy.digest.slice(0, SHORT_DIGEST)}…), stage ${verdict.stage}` : ''}`,
    ...rules,
    '',
    ...(document.notes.length > 0 ? ['not judged, and what to know', ...document.notes.map((note) => `  - ${note}`), ''] : []),
    `files     ${files.folder}/evidence.json, evidence.md, evidence.html`,
    '',
  ]
    .map(cleanLine)
    .join('\n');
}

function mark(rule: { outcome: 'passed' | 'failed'; level: 'enforce' | 'warn' }): string {
  if (rule.outcome === 'passed') return '✓';
  return rule.level === 'warn' ? '!' : '✗';
}
