// SPDX-License-Identifier: Apache-2.0
import { code, prose, table } from '../../lib/policy/markdown.ts';
import { duration, type Failure, headline, type Link, type Notice } from './notice.ts';

/** The notice in Markdown for a comment on a pull request. Foreign text stands in code only, or escaped. */
export function renderComment(notice: Notice): string {
  const { failures, moreFailures, notes } = notice;
  return [
    `### ${prose(headline(notice))}`,
    '',
    ...table(['', ''], rows(notice)),
    ...failures.flatMap(failureLines),
    ...(moreFailures > 0 ? ['', `${moreFailures} more failures are not listed.`] : []),
    ...notes.flatMap((note) => ['', `Note: ${code(note, 600)}`]),
  ].join('\n');
}

function rows({ image, commit, pullRequest: _, details, namespace, run, url, seconds, skipped }: Notice): string[][] {
  return [
    ...(image === undefined ? [] : [['Image', code(image, 600)]]),
    ...(commit === undefined ? [] : [['Commit', link(commit)]]),
    ...details.map(({ name, value }) => [prose(name, 60), /^https?:\/\/\S+$/.test(value) ? link({ text: value, url: value }) : code(value, 600)]),
    ['Run', link({ text: `${namespace}/${run}`, url })],
    ...(seconds === undefined ? [] : [['Time', duration(seconds)]]),
    ...(skipped > 0 ? [['Skipped', `${skipped} task${skipped === 1 ? '' : 's'}`]] : []),
  ];
}

function failureLines({ task, reason, message, ignored }: Failure): string[] {
  const head = `**${ignored ? 'Failed and ignored' : 'Failed'}:** ${code(task)}${reason === '' ? '' : ` ${code(reason)}`}`;
  if (message === '') return ['', head];
  return ['', head, '', '```text', message.replaceAll('`', "'"), '```'];
}

function link({ text, url }: Link): string {
  const shown = code(text, 600);
  const parsed = url === undefined ? null : URL.parse(url);
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) return shown;
  return `[${shown}](<${parsed.href.replace(/[<>|\\`]/g, encodeURIComponent)}>)`;
}
