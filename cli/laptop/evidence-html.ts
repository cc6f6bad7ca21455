// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
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
  const rules = (document.verdict?.rules ?? []).map((rule) => [mark(rule), rule.id, rule.level, rule.summary]);
  const pieces = document.evidence.map((row) => [
    row.what,
    row.digest,
    row.signers.join(', ') || 'nobody we trust',
    row.logIndex === undefined ? 'not logged' : String(row.logIndex),
    row.problem ?? '',
  ]);
  const tasks = document.timings.map(({ pipeline, task, state, seconds }) => [pipeline, task, state, seconds === undefined ? '' : `${seconds.toFixed(1)} s`]);
  const packages = sbomRows(sbom);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Evidence for ${escapeHtml(document.subject)}</title>
<style>${STYLE}</style>
<main>
<h1>Evidence</h1>
<p><code>${escapeHtml(document.subject)}</code><br>${escapeHtml(document.origin)}</p>
<p class="verdict ${document.outcome === 'passed' ? 'passed' : 'failed'}">${escapeHtml(document.outcome)}</p>
<h2>Verdict by rule</h2>
${table(['', 'rule', 'level', 'result'], rules)}
<h2>Release <span class="state ${document.release.outcome === 'released' ? 'passed' : 'failed'}">${escapeHtml(document.release.outcome)}</span></h2>
${table(['what', ''], releaseRows(document.release))}
<h2>Who was told</h2>
${document.notifications.map(({ pipeline, delivered, lines }) => `<p>${escapeHtml(pipeline)}, by ${escapeHtml(delivered || 'no channel')}:</p><pre>${escapeHtml(lines.join('\n'))}</pre>`).join('\n') || '<p>Nobody.</p>'}
<h2>What stands in the registry</h2>
${table(['statement', 'referrer', 'signed by', 'log index', 'problem'], pieces)}
<h2>Not judged, and what to know</h2>
<ul>${document.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('') || '<li>Nothing.</li>'}</ul>
<h2>Packages (${packages.length})</h2>
<p><label>Search <input id="search" type="search" autocomplete="off" placeholder="name, version, type or licence"></label> <span id="count"></span></p>
${table(
  ['package', 'version', 'type', 'licence'],
  packages.map(({ name, version, type, licenses }) => [name, version, type, licenses]),
  'packages',
)}
<h2>Tasks</h2>
${table(['pipeline', 'task', 'state', 'time'], tasks)}
</main>
<script>${SCRIPT}</script>
</html>
`;
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

function table(head: readonly string[], rows: readonly (readonly string[])[], id?: string): string {
  const cells = (tag: string, texts: readonly string[]): string => `<tr>${texts.map((text) => `<${tag}>${escapeHtml(text)}</${tag}>`).join('')}</tr>`;
  return `<div class="wide"><table${id === undefined ? '' : ` id="${id}"`}><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table></div>`;
}

function mark(rule: { outcome: 'passed' | 'failed'; level: 'enforce' | 'warn' }): string {
  if (rule.outcome === 'passed') return '✓';
  return rule.level === 'warn' ? '!' : '✗';
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2rem; font-size: 1.15rem; }
code, td { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
.verdict { display: inline-block; padding: .2rem .8rem; border-radius: .3rem; color: #fff; font-weight: 600; }
.state { padding: .1rem .5rem; border-radius: .3rem; color: #fff; font-size: .85rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .6rem; border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: .3rem; }
.passed { background: #1a7f37; } .failed { background: #b42318; }
input { font: inherit; padding: .25rem .5rem; min-width: 18rem; }
`;

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
