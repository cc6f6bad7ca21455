// SPDX-License-Identifier: Apache-2.0
import { scrub } from '../../lib/log/redact.ts';

/** What tokens of widely used services look like, private keys, and logins in URLs: hidden although nobody registered their values. */
const PATTERNS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!-{4}))*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, '***'],
  [/\beyJ[\w-]{8,2000}\.[\w.-]+/g, '***'],
  [/\b(?:gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}|npm_\w{30,}|AKIA[A-Z0-9]{16})/g, '***'],
  [/hooks\.slack\.com\/\S+/g, 'hooks.slack.com/***'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***'],
  [/:\/\/[^/?#\s@]{1,500}@/g, '://***@'],
];

/** Foreign text fit to be sent to others: registered secrets and what looks like one hidden, and no control or bidirectional characters but line breaks. */
export function clean(text: string): string {
  let shown = scrub(text);
  for (const [pattern, stand] of PATTERNS) shown = shown.replace(pattern, stand);
  return shown.replaceAll('\r\n', '\n').replace(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu, ' ');
}

/** At most `max` characters, and what is missing said. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const note = ` … (${text.length - max} more characters)`;
  return `${text.slice(0, max).replace(/[\ud800-\udbff]$/, '')}${note}`;
}
