// SPDX-License-Identifier: Apache-2.0
import type { EvidenceDocument } from './evidence-document.ts';
import { releaseRows } from './release-rows.ts';

/** `evidence.md`: the run for people who were not there. `verdictMarkdown` is the page that policy-check wrote, undefined when it wrote none. */
export function evidenceMarkdown(document: EvidenceDocument, verdictMarkdown: string | undefined): string {
  const { services } = document;
  const rows = document.evidence.map(
    (row) =>
      `| ${cell(row.what)} | \`${row.digest}\` | ${cell(row.signers.join(', ') || 'nobody we trust')} | ${row.logIndex ?? 'not logged'} | ${cell(row.problem ?? '')} |`,
  );
  const timings = document.timings.map(
    (timing) => `| ${cell(timing.pipeline)} | ${cell(timing.task)} | ${timing.state} | ${timing.seconds?.toFixed(1) ?? ''} |`,
  );
  const release = releaseRows(document.release).map(([what, text]) => `| ${cell(what)} | ${cell(text)} |`);
  return [
    '# Evidence',
    '',
    `Subject: \`${document.subject}\` (${cell(document.origin)})`,
    '',
    `Verdict: **${document.outcome}**`,
    '',
    '## What stands in the registry',
    '',
    '| statement | referrer | signed by | log index | problem |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    'Confirm it with cosign:',
    '',
    '```',
    `cosign verify --key ${services.publicKey} --trusted-root ${services.trustedRoot} ${document.subject}`,
    `cosign verify-attestation --type cyclonedx --key ${services.publicKey} --trusted-root ${services.trustedRoot} ${document.subject}`,
    '```',
    '',
    verdictMarkdown ?? '## Verdict\n\nThe run ended before the evidence was judged.\n',
    '',
    '## Release',
    '',
    `**${document.release.outcome}**`,
    '',
    ...(release.length > 0 ? ['| what | |', '|---|---|', ...release, ''] : []),
    '## Who was told',
    '',
    ...(document.notifications.length > 0 ? document.notifications.flatMap(told) : ['Nobody.', '']),
    '## Timings',
    '',
    '| pipeline | task | state | seconds |',
    '|---|---|---|---|',
    ...timings,
    '',
  ].join('\n');
}

/** Indented code, which nothing in it can end. */
function told({ pipeline, delivered, lines }: EvidenceDocument['notifications'][number]): string[] {
  return [`${cell(pipeline)}, by ${cell(delivered || 'no channel')}:`, '', ...lines.map((line) => `    ${line.replace(/[\r\n]+/g, ' ')}`), ''];
}

function cell(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replace(/([|\\`*_<>[\]])/g, '\\$1');
}
