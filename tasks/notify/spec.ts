// SPDX-License-Identifier: Apache-2.0
import { defaulted, optional, required } from '../../lib/spec/param.ts';
import { ForgePlace, ServiceUrl } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';
import { Channels, Commit, Count, checked, Details, ReadRun, Run, Slack, Status } from './params.ts';

export const spec = defineTask({
  name: 'notify',
  title: 'Tell people and systems how a run went',
  description:
    'For finally: tells how a run went, and why it failed, to Slack, commit, pull request and webhook. Run again it changes what it wrote. A channel that fails does not fail the step unless required.',
  categories: ['Messaging'],
  tags: ['notification', 'slack', 'github', 'gitlab', 'gitea', 'webhook'],
  image: 'optional',
  params: {
    channels: required(Channels, { description: 'Any of slack, slack-webhook, status, comment, webhook, log.', example: 'slack,status,comment' }),
    required: defaulted(Channels, '', { description: 'Those of channels that fail the step when they fail.', example: 'status' }),
    run: required(Run, {
      description: '$(context.pipelineRun.namespace)/$(context.pipeline.name)/$(context.pipelineRun.name)',
      example: 'team/deliver/deliver-x7k2p',
    }),
    status: required(Status, {
      description: 'As $(tasks.status). One of Succeeded, Completed, Failed, Cancelled, Running, None.',
      example: 'Failed',
    }),
    url: optional(checked(ServiceUrl), { description: 'Page of the run, to link to.', example: 'https://tekton.example.com/team/deliver-x7k2p' }),
    repository: optional(checked(ServiceUrl), { description: 'URL of the source repository.', example: 'https://git.example.com/team/app' }),
    revision: optional(checked(Commit), {
      description: 'Commit of the run. Without it there is no status.',
      example: '6c1a49b0f2d14f1f8a4b3c5d6e7f8091a2b3c4d5',
    }),
    'pull-request': optional(checked(Count), { description: 'Number of the pull or merge request. Without it there is no comment.', example: '17' }),
    forge: optional(ForgePlace, {
      description: 'github, gitlab or gitea, with =URL where it is not the host of the repository.',
      example: 'gitea',
    }),
    slack: optional(Slack, {
      description: 'ID of the Slack channel, with /reply:TS or /update:TS for one message of it; see the README.',
      example: 'C0123456789/reply:1405894322.002768',
    }),
    details: optional(Details, { description: 'Lines "Name: value" to show; those without a value are left out.', example: 'Chart: 1.4.0' }),
    'read-run': defaulted(ReadRun, 'none', {
      description: 'Where to read how the tasks went. One of none, cluster, or a file of the workspace reports.',
      example: 'cluster',
    }),
  },
  workspaces: {
    'notify-credentials': {
      description: 'Secret with the tokens and URLs that the channels need, by file as the README lists them.',
      optional: true,
      readOnly: true,
    },
    reports: { description: 'Folder with the run document that read-run names.', optional: true, readOnly: true },
  },
  results: {
    delivered: { description: 'Channels that have the message, separated by commas.' },
    failed: { description: 'Channels that do not.' },
    'slack-ts': { description: 'The message in Slack, to reply to or to update in a later run.' },
  },
  failures: {
    CHANNEL_INCOMPLETE: { kind: 'input', hint: 'give the param or the file of the workspace notify-credentials that the message names' },
    CREDENTIAL_INVALID: { kind: 'input', hint: 'put one line with the token, URL or secret into the file, and nothing else' },
    CHANNEL_URL_INSECURE: { kind: 'input', hint: 'use https, or name the host (with its port) in insecure-registries' },
    FORGE_UNKNOWN: { kind: 'input', hint: 'give forge: github, gitlab or gitea' },
    FORGE_REPOSITORY_INVALID: { kind: 'input', hint: 'let repository be the URL of a repository: https://git.example.com/owner/name' },
    SLACK_UNAUTHORIZED: { kind: 'refused', hint: 'give slack-token a bot token (xoxb-…) with the scope chat:write' },
    SLACK_CHANNEL_REFUSED: { kind: 'refused', hint: 'check the channel ID in slack, and invite the app to the channel' },
    SLACK_REFUSED: { kind: 'refused', hint: 'do what Slack says; an address that does not belong to Slack answers so, too' },
    WEBHOOK_REFUSED: { kind: 'refused', hint: 'look into the log of the receiver: it did not take the event' },
    FORGE_UNAUTHORIZED: { kind: 'refused', hint: 'give forge-token a token that the API of the forge takes' },
    FORGE_FORBIDDEN: { kind: 'refused', hint: 'give the token the right to write commit statuses and comments' },
    FORGE_NOT_FOUND: { kind: 'refused', hint: 'check repository, revision and pull-request; forges also answer so when the token may not see them' },
    FORGE_REFUSED: { kind: 'refused', hint: 'do what the forge says' },
    SLACK_UNAVAILABLE: { kind: 'transient', hint: 'Slack is in trouble; run the Task again later' },
    HTTP_UNREACHABLE: { kind: 'transient', hint: 'run the Task again' },
    HTTP_THROTTLED: { kind: 'transient', hint: 'run the Task again later' },
    HTTP_SERVER_ERROR: { kind: 'transient', hint: 'run the Task again' },
  },
  network: ['what the channels name: Slack, the API of the forge, the webhook', 'the API server (only with read-run=cluster)'],
  resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } },
});
