// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ScriptedServer, type SeenRequest, startScriptedServer } from '../../lib/http/test-server.ts';
import type { Bench } from './bench.ts';
import type { StepRun } from './spawn-step.ts';

/** Secrets of the workspace and of the environment; none of them may ever be seen again. */
export const SECRETS = {
  'slack-token': 'xoxb-7719-lone-badger',
  'slack-webhook-path': '/hook/T024BE7LD/B024BE7LH/wry-lynx-3302',
  'forge-token': 'tardy-crane-9917',
  'webhook-path': '/events/dim-stoat-5528',
  'webhook-secret': 'bold-newt-1164',
  environment: 'calm-vole-8846',
};
export const REVISION = '6c1a49b0f2d14f1f8a4b3c5d6e7f8091a2b3c4d5';
export const CHANNEL = 'C0123456789';

type SlackMessage = { ts: string; channel: string; text: string; thread_ts?: string; metadata?: { event_type: string; event_payload: object } };
type Status = { id: number; context: string; status: string; description: string; target_url: string };
type Comment = { id: number; body: string; html_url: string };
export type Fault = { status: number; headers?: Record<string, string>; body?: string; cut?: true };
export type RemoteName = 'slack' | 'hook' | 'events' | 'forge';

/** Slack, an incoming webhook, a receiver of events and a Gitea, all behind one server that remembers what it was told. */
export type NotifyRig = {
  server: ScriptedServer;
  messages: SlackMessage[];
  hooked: string[];
  events: SeenRequest[];
  statuses: Status[];
  comments: Comment[];
  /** What a remote answers instead. */
  faults: Partial<Record<RemoteName, Fault>>;
  calm(): void;
  credentials: string;
  /** A Secret with these files, or without (undefined). */
  secret(files: Record<string, string | undefined>): Promise<string>;
  step(image: string, params?: Record<string, string>, workspaces?: Record<string, string>): StepRun;
  close(): Promise<void>;
};

const PREFIX: Readonly<Record<RemoteName, string>> = { slack: '/slack/', hook: '/hook/', events: '/events/', forge: '/api/v1/' };
/** Gitea's pages are of this size unless asked for others. */
const PAGE = 50;

export async function openNotifyRig(bench: Bench): Promise<NotifyRig> {
  const state = { messages: [] as SlackMessage[], hooked: [] as string[], events: [] as SeenRequest[], statuses: [] as Status[], comments: [] as Comment[] };
  const faults: NotifyRig['faults'] = {};
  const server = await startScriptedServer((request, response) => {
    const name = (Object.keys(PREFIX) as RemoteName[]).find((remote) => request.url.startsWith(PREFIX[remote]));
    const fault = name && faults[name];
    if (fault?.cut) return void response.destroy();
    const { status, headers, body = '' }: Answer = fault ?? (name ? answer(name, request, state) : { status: 404 });
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  const files: Record<string, string | undefined> = {
    'slack-token': SECRETS['slack-token'],
    'slack-webhook-url': `${server.url}${SECRETS['slack-webhook-path']}`,
    'forge-token': SECRETS['forge-token'],
    'webhook-url': `${server.url}${SECRETS['webhook-path']}?key=${SECRETS['webhook-secret']}`,
    'webhook-secret': `${SECRETS['webhook-secret']}\n`,
  };
  const secret = async (changes: Record<string, string | undefined>): Promise<string> => {
    const folder = await bench.folder('notify');
    for (const [name, text] of Object.entries({ ...files, ...changes })) if (text !== undefined) writeFileSync(join(folder, name), text);
    return folder;
  };
  const credentials = await secret({});
  return {
    ...state,
    ...{ server, faults, credentials, secret },
    calm() {
      for (const list of Object.values(state)) list.length = 0;
      server.seen.length = 0;
      for (const name of Object.keys(PREFIX) as RemoteName[]) delete faults[name];
    },
    step: (image, params = {}, workspaces = {}) => ({
      task: 'notify',
      params: {
        ...{ image, run: 'team/deliver/deliver-x7k2p', status: 'Failed', revision: REVISION, 'pull-request': '17', forge: 'gitea' },
        ...{ channels: 'slack,slack-webhook,status,comment,webhook', repository: `${server.url}/team/app.git`, slack: `${CHANNEL}=${server.url}/slack` },
        ...params,
      },
      workspaces: { 'notify-credentials': credentials, ...workspaces },
      env: { DEPLOY_TOKEN: SECRETS.environment },
    }),
    close: () => server.close(),
  };
}

type State = Pick<NotifyRig, 'messages' | 'hooked' | 'events' | 'statuses' | 'comments'>;
type Answer = { status: number; headers?: Record<string, string>; body?: string };

function answer(name: RemoteName, request: SeenRequest, state: State): Answer {
  if (name === 'slack') return json(200, slack(request, state));
  if (name === 'forge') return gitea(request, state);
  if (name === 'events') state.events.push(request);
  else state.hooked.push(request.body.toString());
  return { status: 200, body: 'ok' };
}

function slack({ url, headers, body }: SeenRequest, { messages }: State): object {
  const { pathname, searchParams } = new URL(url, 'http://slack');
  if (headers.authorization !== `Bearer ${SECRETS['slack-token']}`) return { ok: false, error: 'invalid_auth' };
  if (pathname === '/slack/conversations.history')
    return { ok: true, messages: messages.filter(({ channel }) => channel === searchParams.get('channel')).toReversed() };
  const given = JSON.parse(body.toString()) as SlackMessage;
  if (pathname === '/slack/chat.postMessage') {
    const message = { ...given, ts: `17000000${10 + messages.length}.000100` };
    messages.push(message);
    return { ok: true, channel: message.channel, ts: message.ts };
  }
  const found = messages.find(({ ts }) => ts === given.ts);
  if (found === undefined) return { ok: false, error: 'message_not_found' };
  Object.assign(found, given);
  return { ok: true, channel: found.channel, ts: found.ts };
}

function gitea({ method, url, headers, body }: SeenRequest, { statuses, comments }: State): Answer {
  if (headers.authorization !== `token ${SECRETS['forge-token']}`) return json(401, { message: `token ${headers.authorization} is unknown` });
  const { pathname, searchParams } = new URL(url, 'http://gitea');
  const page = (list: readonly unknown[]): Answer => {
    const from = (Number(searchParams.get('page') ?? 1) - 1) * PAGE;
    const last = from + PAGE >= list.length;
    return { ...json(200, list.slice(from, from + PAGE)), ...(!last && { headers: { link: `<${pathname}?page=2>; rel="next"` } }) };
  };
  const given = body.length > 0 ? JSON.parse(body.toString()) : {};
  if (/\/(commits\/\w+\/)?statuses(\/\w+)?$/.test(pathname)) {
    if (method === 'GET') return page(statuses);
    statuses.unshift({ id: statuses.length + 1, target_url: '', ...given, status: given.state });
    return json(201, statuses[0]);
  }
  if (pathname.endsWith('/issues/17')) return json(200, { number: 17 });
  if (pathname.endsWith('/issues/17/comments')) {
    if (method === 'GET') return page(comments);
    comments.push({ id: comments.length + 1, body: given.body, html_url: `https://git.example.com/team/app/pulls/17#c${comments.length + 1}` });
    return json(201, comments.at(-1));
  }
  const comment = comments.find(({ id }) => pathname.endsWith(`/issues/comments/${id}`));
  if (comment && method === 'PATCH') return json(200, Object.assign(comment, { body: given.body }));
  return json(404, { message: 'Not Found' });
}

function json(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body) };
}
