// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { escapeHtml, htmlList, htmlPage, htmlTable } from '../../lib/policy/html.ts';
import { RULE_MARK, ruleState } from '../../lib/policy/rule-state.ts';
import type { EvidenceDocument } from './evidence-document.ts';
import { releaseRows } from './release-rows.ts';

const Sbom = z.object({
  components: z
    .array(
      z.object({
        name: z.string(),
        group: z.string().optional(),
        version: z.string().optional(),
        purl: z.string().optional(),
        licenses: z.array(z.unknown()).optional(),
      }),
    )
    .default([]),
});

type Row = { name: string; version: string; type: string; licenses: string };

/**
 * `evidence.html`: the run as one page that needs nothing else, no server and no network, with a search over the packages of the SBOM.
 * Everything foreign (package names, licences, reasons) is text, never markup. `sbom` is the CycloneDX JSON, undefined when none was made.
 */
export function evidenceHtml(document: EvidenceDocument, sbom: string | undefined): string {
  const rules = (document.verdict?.rules ?? []).map((rule) => [RULE_MARK[ruleState(rule)], rule.id, rule.level, rule.summary]);
  const pieces = document.evidence.map((row) => [
    row.what,
    row.digest,
    row.signers.join(', ') || 'nobody we trust',
    row.logIndex === undefined ? 'not logged' : String(row.logIndex),
    row.problem ?? '',
  ]);
  const tasks = document.timings.map(({ pipeline, task, state, seconds }) => [pipeline, task, state, seconds === undefined ? '' : `${seconds.toFixed(1)} s`]);
  const packages = sbomRows(sbom);
  const body = `<h1>Evidence</h1>
<p><code>${escapeHtml(document.subject)}</code><br>${escapeHtml(document.origin)}</p>
<p class="verdict ${document.outcome === 'passed' ? 'passed' : 'failed'}">${escapeHtml(document.outcome)}</p>
<h2>Verdict by rule</h2>
${htmlTable(['', 'rule', 'level', 'result'], rules)}
<h2>Release <span class="state ${document.release.outcome === 'released' ? 'passed' : 'failed'}">${escapeHtml(document.release.outcome)}</span></h2>
${htmlTable(['what', ''], releaseRows(document.release))}
<h2>Who was told</h2>
${document.notifications.map(({ pipeline, delivered, lines }) => `<p>${escapeHtml(pipeline)}, by ${escapeHtml(delivered || 'no channel')}:</p><pre>${escapeHtml(lines.join('\n'))}</pre>`).join('\n') || '<p>Nobody.</p>'}
<h2>What stands in the registry</h2>
${htmlTable(['statement', 'referrer', 'signed by', 'log index', 'problem'], pieces)}
<h2>Not judged, and what to know</h2>
${htmlList(document.notes) || '<p>Nothing.</p>'}
<h2>Packages (${packages.length})</h2>
<p><label>Search <input id="search" type="search" autocomplete="off" placeholder="name, version, type or licence"></label> <span id="count"></span></p>
${htmlTable(
  ['package', 'version', 'type', 'licence'],
  packages.map(({ name, version, type, licenses }) => [name, version, type, licenses]),
  'packages',
)}
<h2>Tasks</h2>
${htmlTable(['pipeline', 'task', 'state', 'time'], tasks)}`;
  return htmlPage({ title: `Evidence for ${document.subject}`, body, script: SCRIPT });
}

function sbomRows(sbom: string | undefined): Row[] {
  if (sbom === undefined) return [];
  return Sbom.parse(JSON.parse(sbom)).components.map(({ name, group, version = '', purl = '', licenses = [] }) => ({
    name: group === undefined ? name : `${group}/${name}`,
    version,
    type: /^pkg:([a-z0-9.+-]+)\//.exec(purl)?.[1] ?? '',
    licenses: licenses.map(licenceText).join(', '),
  }));
}

const Licence = z.object({ expression: z.string().optional(), license: z.object({ id: z.string().optional(), name: z.string().optional() }).optional() });

function licenceText(licence: unknown): string {
  const { data } = Licence.safeParse(licence);
  return data?.expression ?? data?.license?.id ?? data?.license?.name ?? '';
}

const SCRIPT = `
const input = document.getElementById('search');
const rows = [...document.querySelectorAll('#packages tbody tr')];
const texts = rows.map((row) => row.textContent.toLowerCase());
const show = () => {
  const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, index) => {
    row.hidden = !words.every((word) => texts[index].includes(word));
    if (!row.hidden) shown++;
  });
  document.getElementById('count').textContent = shown + ' of ' + rows.length;
};
input.addEventListener('input', show);
show();
`;
