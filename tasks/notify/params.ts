// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { ServiceUrl, WorkspacePath } from '../../lib/spec/param-types.ts';

/** Where a message can go. */
export const CHANNELS = ['slack', 'slack-webhook', 'status', 'comment', 'webhook', 'log'] as const;
export type ChannelName = (typeof CHANNELS)[number];

/** Channels separated by commas, spaces or line breaks, each once. */
export const Channels = z.string().transform((text, context): ChannelName[] => {
  const words = [...new Set(text.split(/[\s,]+/).filter((word) => word !== ''))];
  for (const word of words.filter((each) => !isChannel(each)))
    context.addIssue({ code: 'custom', message: `"${word.slice(0, 40)}" is not one of ${CHANNELS.join(', ')}` });
  return words.filter(isChannel);
});

function isChannel(word: string): word is ChannelName {
  return (CHANNELS as readonly string[]).includes(word);
}

export type RunPlace = { namespace: string; pipeline: string; name: string };
const RUN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?){2}$/;

/** `namespace/pipeline/name` as Kubernetes allows them. */
export const Run = z
  .string()
  .regex(RUN, 'must be namespace/pipeline/name of a PipelineRun')
  .transform((text): RunPlace => {
    const [namespace = '', pipeline = '', name = ''] = text.split('/');
    return { namespace, pipeline, name };
  });

/** The aggregate status of Tekton, and two that a Pipeline can say of itself. */
export const Status = z.enum(['Succeeded', 'Completed', 'Failed', 'Cancelled', 'Running', 'None']);

/** A commit of Git with SHA-1 or SHA-256. */
export const Commit = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'must be the full hash of a commit, in lower case');

export const Count = z
  .string()
  .regex(/^[1-9]\d{0,9}$/, 'must be a number')
  .transform(Number);

/** A value, or what is wrong with it. */
export type Checked<T> = { value: T } | { problem: string };

/**
 * For params that a trigger fills: one of the wrong form (a branch in place of a commit, an SSH URL) is left out and told, because telling of a run must
 * not fail it. A channel that is in `required` and needs it still does.
 */
export function checked<T>(type: z.ZodType<T, string>) {
  return z.string().transform((text): Checked<T> => {
    const parsed = type.safeParse(text);
    return parsed.success ? { value: parsed.data } : { problem: parsed.error.issues.map(({ message }) => message).join('; ') };
  });
}

export type Detail = { name: string; value: string };
const MAX_DETAILS = 20;

/** Lines `Name: value`; those with an empty value are left out, so that a Pipeline can pass what it does not have. */
export const Details = z.string().transform((text, context): Detail[] => {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length > MAX_DETAILS) context.addIssue({ code: 'custom', message: `must be at most ${MAX_DETAILS} lines` });
  return lines.slice(0, MAX_DETAILS).flatMap((line) => {
    const [, name = '', value = ''] = /^([\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}):(?:\s+(.{0,2000}))?$/su.exec(line.trim()) ?? [];
    if (name === '') context.addIssue({ code: 'custom', message: 'each line must be "Name: value", the name of at most 40 letters, digits and spaces' });
    return name === '' || value.trim() === '' ? [] : [{ name, value: value.trim() }];
  });
});

export type SlackPlace = { channel: string; api: string; thread: string | undefined; update: string | undefined };
const SLACK_API = 'https://slack.com/api';

/**
 * `CHANNEL[/reply:TS|/update:TS][=URL]`: the ID of a channel, perhaps a message there to reply to or to change (by the `ts` that Slack names messages with), and where the Web API is
 * when it is another installation of Slack.
 */
export const Slack = z.string().transform((text, context): SlackPlace => {
  const [, channel = '', verb, ts, url] = /^([CGD][A-Z0-9]{6,20})(?:\/(reply|update):(\d{9,11}\.\d{6}))?(?:=(.+))?$/s.exec(text) ?? [];
  if (channel === '')
    context.addIssue({ code: 'custom', message: 'must be the ID of a channel (C0123456789), not its name, perhaps with /reply:TS or /update:TS' });
  const parsed = url === undefined ? undefined : ServiceUrl.safeParse(url);
  for (const issue of parsed?.error?.issues ?? []) context.addIssue({ code: 'custom', message: `the URL of Slack ${issue.message}` });
  return { channel, api: parsed?.data ?? SLACK_API, thread: verb === 'reply' ? ts : undefined, update: verb === 'update' ? ts : undefined };
});

/** Where the details of a run are: nowhere, in the cluster, or in a file. */
export type DetailsFrom = { kind: 'none' } | { kind: 'cluster' } | { kind: 'file'; path: string };

/** `none`, `cluster`, or a JSON file below a workspace. */
export const ReadRun = z.string().transform((text, context): DetailsFrom => {
  if (text === 'none' || text === 'cluster') return { kind: text };
  if (!text.endsWith('.json') || !WorkspacePath.safeParse(text).success)
    context.addIssue({ code: 'custom', message: 'must be none, cluster, or the path of a .json file below the workspace reports' });
  return { kind: 'file', path: text };
});
