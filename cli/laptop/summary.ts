// SPDX-License-Identifier: Apache-2.0
import { cleanLine } from '../runner/reporter.ts';
import type { EvidenceDocument } from './evidence-document.ts';
import { releaseRows } from './release-rows.ts';

const SHORT_DIGEST = 19;

/** The end of a laptop run on one screen: subject, evidence, verdict rule by rule, what was not judged, the release, who was told, and where to look further. `stateOption` is what a command needs to find the same state folder. Plain text without colour. */
export function summaryText(document: EvidenceDocument, files: { folder: string; stateOption: string }): string {
  const { verdict, release, notifications, services } = document;
  const evidence = document.evidence.map((row) => {
    const index = row.logIndex === undefined ? 'not logged' : `log index ${row.logIndex}`;
    return `  ${row.what.padEnd(16)} ${row.digest.slice(0, SHORT_DIGEST)}…  ${index.padEnd(14)} ${row.signers.join(', ') || 'nobody we trust'}${row.problem ? `  (${row.problem})` : ''}`;
  });
  const rules = (verdict?.rules ?? []).map((rule) => `  ${mark(rule)} ${rule.id.padEnd(16)} ${rule.summary}`);
  const again = release.outcome === 'released' ? 'all is there, so nothing new is signed, logged, committed or recorded' : 'it goes on from what is there';
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
    `release   ${release.outcome.toUpperCase()}`,
    ...releaseRows(release).map(([what, text]) => `  ${what.padEnd(18)} ${text}`),
    '',
    ...(notifications.length > 0 ? ['told', ...notifications.flatMap(({ lines }) => lines.map((line) => `  ${line}`)), ''] : []),
    'next',
    `  look at the evidence   ${files.folder}/evidence.html (also .md and .json)`,
    ...(release.commit === undefined
      ? []
      : [`  see the commit         npm run supply-chain -- services up${files.stateOption}`, `                         git clone ${services.git}`]),
    `  run it again           npm start${files.stateOption && ` --${files.stateOption}`}: ${again}`,
    '',
  ]
    .map(cleanLine)
    .join('\n');
}

function mark(rule: { outcome: 'passed' | 'failed'; level: 'enforce' | 'warn' }): string {
  if (rule.outcome === 'passed') return '✓';
  return rule.level === 'warn' ? '!' : '✗';
}
