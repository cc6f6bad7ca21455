// SPDX-License-Identifier: Apache-2.0

/** GitHub, "Create a commit status": longer is refused with 422. GitLab takes 255. */
const DESCRIPTION = 140;
/** GitHub's limit for the body of a comment or pull request, in characters; GitLab takes a million. */
const COMMENT = 65_536;
/** GitHub and GitLab, title of a pull or merge request. */
const TITLE = 255;
/** Longest note of a cut, with a fence to close. */
const NOTE = 80;

/** A status description on one line of at most 140 characters, the cut marked. */
export function cutDescription(text: string): string {
  return cut(text.replace(/\s+/g, ' ').trim(), DESCRIPTION);
}

/** A title on one line of at most 255 characters, the cut marked. */
export function cutTitle(text: string): string {
  return cut(text.replace(/\s+/g, ' ').trim(), TITLE);
}

/** A comment body of at most 65,536 characters: cut at a line end, an open code fence closed, and the number of missing characters said. */
export function cutComment(text: string): string {
  if (text.length <= COMMENT) return text;
  const rough = whole(text, COMMENT - NOTE);
  const lineEnd = rough.lastIndexOf('\n');
  const kept = lineEnd > COMMENT / 2 ? rough.slice(0, lineEnd) : rough;
  const fences = kept.match(/^ {0,3}(`{3,}|~{3,})/gm) ?? [];
  const close = fences.length % 2 === 1 ? `\n${fences.at(-1)?.trim()}` : '';
  return `${kept}${close.slice(0, NOTE / 2)}\n\n… (${text.length - kept.length} characters cut)`;
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${whole(text, limit - 1)}…`;
}

/** The first `limit` UTF-16 units, one less where a surrogate pair would be torn. */
function whole(text: string, limit: number): string {
  return text.slice(0, limit).replace(/[\ud800-\udbff]$/, '');
}
