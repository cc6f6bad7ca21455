// SPDX-License-Identifier: Apache-2.0
import {
  assembleMessage,
  contextBlock,
  headerBlock,
  SLACK_SECTION,
  type SlackMessage,
  sectionBlock,
  slackCode,
  slackFence,
  slackLink,
} from '../../lib/channels/slack-text.ts';
import { duration, type Failure, headline, type Link, type Notice } from './notice.ts';

const MAX_MESSAGE = 1500;
const SIGN: Readonly<Record<Notice['state'], string>> = { succeeded: '✓', failed: '✗', cancelled: '⊘', running: '…' };

/** The notice as a Slack message: a header, the facts, one section for each failure, and the run. */
export function renderSlack(notice: Notice): SlackMessage {
  const facts = factLines(notice);
  const failures = notice.failures.map(failureText).map(sectionBlock);
  const more = notice.moreFailures;
  return assembleMessage(`${headline(notice)}${firstFailure(notice)}`, {
    first: [headerBlock(`${SIGN[notice.state]} ${headline(notice)}`), ...(facts.length > 0 ? [sectionBlock(within(facts))] : [])],
    optional: failures,
    last: [
      ...(more > 0 ? [contextBlock(`${more} more failures`)] : []),
      ...notice.notes.map((note) => contextBlock(slackCode(note))),
      contextBlock(runLine(notice)),
    ],
    more: (count) => contextBlock(`${count} more failures had no room here`),
  });
}

function firstFailure({ failures: [first] }: Notice): string {
  return first === undefined ? '' : `: ${first.task} (${first.reason})`;
}

function factLines({ image, commit, pullRequest, details }: Notice): string[] {
  const link = (name: string, value: Link | undefined): string[] => (value === undefined ? [] : [`*${name}* ${slackLink(value.url, value.text)}`]);
  return [
    ...(image === undefined ? [] : [`*Image* ${slackCode(image, 500)}`]),
    ...link('Commit', commit),
    ...link('Pull request', pullRequest),
    ...details.map(({ name, value }) => `${slackCode(name, 60)} ${/^https?:\/\/\S+$/.test(value) ? slackLink(value, value, 500) : slackCode(value, 500)}`),
  ];
}

/** The lines that a section has room for. */
function within(lines: readonly string[]): string {
  const kept: string[] = [];
  let room = SLACK_SECTION - 40;
  for (const line of lines) {
    room -= line.length + 1;
    if (room < 0) break;
    kept.push(line);
  }
  const missing = lines.length - kept.length;
  return [...kept, ...(missing > 0 ? [`_${missing} more lines had no room_`] : [])].join('\n');
}

function failureText({ task, reason, message, ignored }: Failure): string {
  const head = `*${ignored ? 'Failed and ignored' : 'Failed'}:* ${slackCode(task)}${reason === '' ? '' : ` ${slackCode(reason)}`}`;
  return message === '' ? head : `${head}\n${slackFence(message, MAX_MESSAGE)}`;
}

function runLine({ namespace, run, url, seconds, skipped }: Notice): string {
  const parts = [slackLink(url, `${namespace}/${run}`), ...(seconds === undefined ? [] : [duration(seconds)]), ...(skipped > 0 ? [`${skipped} skipped`] : [])];
  return parts.join(' · ');
}
