// SPDX-License-Identifier: Apache-2.0
import type { CloudEvent } from '../../lib/channels/webhook.ts';
import type { CommitStatus, StatusState } from '../../lib/forge/forge.ts';
import { cutDescription } from '../../lib/forge/limits.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { cutText } from './clean.ts';
import { duration, headline, type Notice, type State } from './notice.ts';

const STATUS: Readonly<Record<State, StatusState>> = { succeeded: 'success', failed: 'failure', cancelled: 'error', running: 'pending' };
const EVENT_TYPE = 'dev.tekton.supply-chain.pipelinerun';
const MAX_EVENT_MESSAGE = 1000;
const MAX_LOG_FAILURES = 5;

/** The notice as a commit status, in 140 characters. The context names the Pipeline, so that each has one line at a commit. */
export function renderStatus(notice: Notice): CommitStatus {
  const { pipeline, state, failures, moreFailures, seconds, url } = notice;
  const [first] = failures;
  const others = failures.length - 1 + moreFailures;
  const why = first === undefined ? '' : `: ${first.task} (${first.reason})${others > 0 ? ` and ${others} more` : ''}`;
  const time = seconds === undefined || state === 'running' ? '' : ` in ${duration(seconds)}`;
  return { context: `supply-chain/${pipeline}`, state: STATUS[state], description: cutDescription(`${headline(notice)}${time}${why}`), targetUrl: url };
}

/** The notice as a CloudEvent. `id` depends on what is told alone; `now` is its time where the run has none. */
export function renderEvent(notice: Notice, now: Date): CloudEvent {
  const { pipeline, namespace, run, state, url, image, revision, repository, pullRequestNumber, seconds, details, failures, moreFailures, skipped, notes } =
    notice;
  const data = {
    ...{ pipeline, namespace, run, state, url, image, revision, repository, pullRequest: pullRequestNumber, seconds, skipped },
    details: Object.fromEntries(details.map(({ name, value }) => [name, value])),
    failures: failures.map(({ message, ...failure }) => ({ ...failure, message: cutText(message, MAX_EVENT_MESSAGE) })),
    moreFailures,
    notes,
  };
  const source = `/namespaces/${namespace}/pipelineruns/${run}`;
  const type = `${EVENT_TYPE}.${state}.v1`;
  return {
    specversion: '1.0',
    id: sha256Digest(JSON.stringify([source, type, data])).slice(7, 39),
    ...{ source, type, ...(image !== undefined && { subject: image }) },
    time: notice.endTime ?? now.toISOString(),
    datacontenttype: 'application/json',
    data,
  };
}

/** The notice in a few lines for a log or a terminal. */
export function renderLines(notice: Notice): string[] {
  const { image, commit, details, failures, moreFailures, notes, namespace, run, seconds, url } = notice;
  const others = failures.length + moreFailures - MAX_LOG_FAILURES;
  return [
    `${headline(notice)}: ${namespace}/${run}${seconds === undefined ? '' : ` in ${duration(seconds)}`}${url === undefined ? '' : ` ${url}`}`,
    ...(image === undefined ? [] : [`  image: ${image}`]),
    ...(commit === undefined ? [] : [`  commit: ${commit.text}`]),
    ...details.slice(0, 6).map(({ name, value }) => `  ${name}: ${cutText(value, 200)}`),
    ...failures.slice(0, MAX_LOG_FAILURES).map(({ task, reason, message }) => `  failed: ${task} (${reason}) ${cutText(message, 300)}`),
    ...(others > 0 ? [`  ${others} more failures`] : []),
    ...notes.slice(0, 2).map((note) => `  note: ${note}`),
  ];
}
