// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/** A page that needs no server and no network: `body` is HTML already, `script` the only one that a browser runs there. */
export type HtmlPage = { title: string; body: string; script?: string };

/** The whole page. Its Content-Security-Policy forbids every source, and every script but the given one, told by its hash (CSP level 3, "hash-source"). */
export function htmlPage({ title, body, script }: HtmlPage): string {
  const allowed = script === undefined ? '' : `; script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'${allowed}">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<main>
${body}
</main>
${script === undefined ? '' : `<script>${script}</script>\n`}</html>
`;
}

/** Rows of plain text as a table. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[], id?: string): string {
  const cells = (tag: string, texts: readonly string[]): string => `<tr>${texts.map((text) => `<${tag}>${escapeHtml(text)}</${tag}>`).join('')}</tr>`;
  return `<div class="wide"><table${id === undefined ? '' : ` id="${id}"`}><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table></div>`;
}

/** Plain text as a list. */
export function htmlList(texts: readonly string[]): string {
  return texts.length === 0 ? '' : `<ul>${texts.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`;
}

/** Foreign text as the text of an element or the value of a quoted attribute, never markup. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2rem; font-size: 1.15rem; } h3 { font-size: 1rem; margin-bottom: .2rem; }
code, td, li, p { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
.verdict { display: inline-block; padding: .2rem .8rem; border-radius: .3rem; color: #fff; font-weight: 600; }
.state { padding: .1rem .5rem; border-radius: .3rem; color: #fff; font-size: .85rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .6rem; border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: .3rem; }
.passed { background: #1a7f37; } .failed { background: #b42318; } .warned { background: #9a6700; }
summary { cursor: pointer; }
input { font: inherit; padding: .25rem .5rem; min-width: 18rem; }
`;
