// SPDX-License-Identifier: Apache-2.0

/** Slack, "Reference: blocks" and "chat.postMessage": longest header and section text, most blocks of a message. */
export const SLACK_HEADER = 150;
export const SLACK_SECTION = 3000;
export const SLACK_BLOCKS = 50;
/** All text of a message together. Slack documents no limit and refuses from about 13,000 characters on (`msg_blocks_too_long`). */
export const SLACK_TOTAL = 10_000;
/** Fallback text, which notifications show. */
const FALLBACK = 1000;

type Text = { type: 'mrkdwn'; text: string; verbatim: true } | { type: 'plain_text'; text: string; emoji: false };
export type SlackBlock = { type: 'header' | 'section'; text: Text } | { type: 'context'; elements: Text[] };
/** `text` is what notifications and clients without blocks show. */
export type SlackMessage = { text: string; blocks: SlackBlock[] };

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/**
 * Foreign text for mrkdwn with the three control characters escaped (Slack, "Formatting text for app surfaces"), so that `<!channel>`, `<@U1>` and links stay text.
 * At most `max` characters when escaped, the cut marked by `…`; neither an entity nor a surrogate pair is torn.
 */
export function escapeSlack(text: string, max: number): string {
  const whole = text.replace(/[&<>]/g, (character) => ENTITIES[character] ?? character);
  if (whole.length <= max) return whole;
  let kept = '';
  for (const character of text) {
    const escaped = ENTITIES[character] ?? character;
    if (kept.length + escaped.length > max - 1) break;
    kept += escaped;
  }
  return `${kept}…`;
}

/** Foreign text as a code span on one line: nothing inside is markup. */
export function slackCode(text: string, max = 300): string {
  const line = text.replaceAll('`', "'").replace(/\s+/g, ' ').trim();
  return line === '' ? '–' : `\`${escapeSlack(line, max - 2)}\``;
}

/** Foreign text as a block of code: nothing inside is markup. */
export function slackFence(text: string, max: number): string {
  return `\`\`\`${escapeSlack(text.replaceAll('`', "'").trim(), max - 6)}\`\`\``;
}

/** A link whose label is foreign text; the label alone when the URL is none that Slack could show. */
export function slackLink(url: string | undefined, label: string, max = 300): string {
  const shown = slackCode(label, max);
  const parsed = url === undefined ? null : URL.parse(url);
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol) || parsed.href.length > 1000) return shown;
  return `<${parsed.href.replaceAll('&', '&amp;').replaceAll('<', '%3C').replaceAll('>', '%3E').replaceAll('|', '%7C')}|${shown}>`;
}

export function headerBlock(text: string): SlackBlock {
  return { type: 'header', text: { type: 'plain_text', text: cutPlain(text, SLACK_HEADER), emoji: false } };
}

/** A section of finished mrkdwn. `verbatim` keeps Slack from making links and mentions of bare text. */
export function sectionBlock(mrkdwn: string): SlackBlock {
  return { type: 'section', text: { type: 'mrkdwn', text: mrkdwn, verbatim: true } };
}

export function contextBlock(mrkdwn: string): SlackBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text: mrkdwn, verbatim: true }] };
}

/**
 * The message within Slack's limits: `optional` blocks follow `first` as long as blocks and characters last, then `last`. What had no room is counted, and `more` says so.
 * The callers keep each block within its own limit.
 */
export function assembleMessage(
  text: string,
  parts: { first: SlackBlock[]; optional: SlackBlock[]; last: SlackBlock[]; more: (count: number) => SlackBlock },
): SlackMessage {
  const { first, optional, last, more } = parts;
  const fallback = escapeSlack(text, FALLBACK);
  const size = (blocks: readonly SlackBlock[]): number => blocks.reduce((sum, block) => sum + sizeOf(block), 0);
  let room = SLACK_TOTAL - size([...first, ...last, more(optional.length)]) - fallback.length;
  const most = SLACK_BLOCKS - first.length - last.length - 1;
  const kept: SlackBlock[] = [];
  for (const block of optional) {
    room -= sizeOf(block);
    if (room < 0 || kept.length === most) break;
    kept.push(block);
  }
  const missing = optional.length - kept.length;
  return { text: fallback, blocks: [...first, ...kept, ...(missing > 0 ? [more(missing)] : []), ...last] };
}

function sizeOf(block: SlackBlock): number {
  return block.type === 'context' ? block.elements.reduce((sum, { text }) => sum + text.length, 0) : block.text.text.length;
}

function cutPlain(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
