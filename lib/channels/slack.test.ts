// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll, failureOf, type Script, type ScriptedServer, serve, testClient } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { deliverToSlack, type SlackDelivery, type SlackTarget } from './slack.ts';
import { sectionBlock } from './slack-text.ts';
import { postToSlackWebhook } from './slack-webhook.ts';

afterEach(closeAll);

const MESSAGE = { text: 'deliver failed', blocks: [sectionBlock('*x*')] };
const OTHER = { text: 'deliver succeeded', blocks: [] };
type Body = { channel: string; metadata: { event_type: string; event_payload: { key: string; content: string } } };
type Answer = { status?: number; headers?: Record<string, string>; json?: unknown; text?: string; cut?: true };

/** Answers by method of the Web API, one by one, the last one again and again. */
async function slack(answers: Record<string, Answer[]>) {
  const used: Record<string, number> = {};
  const script: Script = ({ url }, response) => {
    const method = /^\/api\/([a-z.A-Z]+)/.exec(url)?.[1] ?? '';
    const list = answers[method] ?? [];
    const count = used[method] ?? 0;
    used[method] = count + 1;
    reply(response, list[count] ?? list.at(-1) ?? { json: { ok: false, error: 'unknown_method' } });
  };
  const server = await serve(script);
  const http = testClient();
  const logged: string[] = [];
  const log = { ...silentLogger, info: (line: string) => void logged.push(line), warn: (line: string) => void logged.push(line) };
  const deliver = (message = MESSAGE, target: Partial<SlackTarget> = {}): Promise<SlackDelivery> =>
    deliverToSlack(
      {
        ...{ http, api: `${server.url}/api`, token: 'xoxb-token-4471', credential: 'file slack-token', log },
        ...{ now: () => new Date('2026-01-08T00:00:00Z'), sleep: async () => undefined, random: () => 0.5 },
      },
      { channel: 'C01234567', key: 'team/run-1', ...target },
      message,
    );
  return { server, http, logged, deliver, methods: () => server.seen.map(({ url }) => /^\/api\/([a-z.A-Z]+)/.exec(url)?.[1]) };
}

function reply(response: ServerResponse, { status = 200, headers = {}, json, text, cut }: Answer): void {
  if (cut) return void response.destroy();
  response.writeHead(status, headers).end(text ?? JSON.stringify(json));
}

const empty: Answer = { json: { ok: true, messages: [] } };
const posted: Answer = { json: { ok: true, ts: '1700000000.000100', channel: 'C01234567' } };
const bodyOf = (server: ScriptedServer, at = -1): Body => JSON.parse(server.seen.at(at)?.body.toString() ?? '') as Body;
const standing = (key: string, content: string): Answer => ({
  json: {
    ok: true,
    messages: [
      { ts: '1700000000.000300' },
      { ts: '1700000000.000200', metadata: { event_type: 'supply_chain_run', event_payload: { key: 'team/run-2', content } } },
      { ts: '1700000000.000100', metadata: { event_type: 'supply_chain_run', event_payload: { key, content } } },
    ],
  },
});

describe('a message', () => {
  test('is posted once, kept, changed', async () => {
    const first = await slack({ 'conversations.history': [empty], 'chat.postMessage': [posted] });
    expect(await first.deliver()).toEqual({ ts: '1700000000.000100', action: 'posted' });
    const body = bodyOf(first.server);
    expect(body).toMatchObject({ channel: 'C01234567', unfurl_links: false, metadata: { event_payload: { key: 'team/run-1' } } });
    expect(first.server.seen[0]?.headers.authorization).toBe('Bearer xoxb-token-4471');
    expect(first.server.seen[0]?.url).toContain('include_all_metadata=true');
    expect(first.server.seen[0]?.url).toContain(`oldest=${Date.parse('2026-01-01T00:00:00Z') / 1000}`);

    const again = await slack({ 'conversations.history': [standing('team/run-1', body.metadata.event_payload.content)], 'chat.update': [posted] });
    expect(await again.deliver()).toEqual({ ts: '1700000000.000100', action: 'kept' });
    expect(again.methods()).toEqual(['conversations.history']);
    expect(await again.deliver(OTHER)).toEqual({ ts: '1700000000.000100', action: 'updated' });
    expect(bodyOf(again.server)).toMatchObject({ ts: '1700000000.000100', text: OTHER.text });
  });

  test('is found on a later page', async () => {
    const page: Answer = { json: { ok: true, messages: [], response_metadata: { next_cursor: 'n=' } } };
    const there = await slack({ 'conversations.history': [page, standing('team/run-1', 'old')], 'chat.update': [posted] });
    expect((await there.deliver()).action).toBe('updated');
    expect(there.server.seen[1]?.url).toContain('cursor=n%3D');
  });

  test('by ts is changed without a search, and posted anew when it is gone', async () => {
    const there = await slack({ 'chat.update': [posted, { json: { ok: false, error: 'message_not_found' } }], 'chat.postMessage': [posted] });
    expect((await there.deliver(MESSAGE, { ts: '1700000000.000100' })).action).toBe('updated');
    expect((await there.deliver(MESSAGE, { ts: '1700000000.000100' })).action).toBe('posted');
    expect(there.methods()).toEqual(['chat.update', 'chat.update', 'chat.postMessage']);
  });

  test('in a thread is looked for there', async () => {
    const there = await slack({ 'conversations.replies': [empty], 'chat.postMessage': [posted] });
    await there.deliver(MESSAGE, { thread: '1690000000.000001' });
    expect(there.server.seen[0]?.url).toContain('ts=1690000000.000001');
    expect(bodyOf(there.server)).toMatchObject({ thread_ts: '1690000000.000001' });
  });

  test('is posted and that said where the token may not read', async () => {
    const there = await slack({ 'conversations.history': [{ json: { ok: false, error: 'missing_scope' } }], 'chat.postMessage': [posted] });
    expect((await there.deliver()).action).toBe('posted');
    expect(there.logged.join()).toContain('or the token the scope channels:history');
  });
});

describe('a lost answer', () => {
  test('is looked after before the message is posted again', async () => {
    const arrived = await slack({ 'conversations.history': [empty, standing('team/run-1', 'x')], 'chat.postMessage': [{ cut: true }, posted] });
    expect(await arrived.deliver()).toEqual({ ts: '1700000000.000100', action: 'posted' });
    expect(arrived.methods()).toEqual(['conversations.history', 'chat.postMessage', 'conversations.history']);
    const lost = await slack({ 'conversations.history': [empty], 'chat.postMessage': [{ status: 500, text: 'oops' }, posted] });
    expect((await lost.deliver()).action).toBe('posted');
    expect(lost.methods()).toEqual(['conversations.history', 'chat.postMessage', 'conversations.history', 'chat.postMessage']);
  });

  test('is a failure where nobody may look', async () => {
    const there = await slack({ 'conversations.history': [{ json: { ok: false, error: 'missing_scope' } }], 'chat.postMessage': [{ cut: true }, posted] });
    expect(await failureOf(there.deliver())).toMatchObject({ kind: 'transient', code: 'HTTP_UNREACHABLE' });
    expect(there.methods().filter((method) => method === 'chat.postMessage')).toHaveLength(1);
  });

  test('that goes on is one in the end', async () => {
    const there = await slack({ 'conversations.history': [empty], 'chat.postMessage': [{ json: { ok: false, error: 'internal_error' } }] });
    expect(await failureOf(there.deliver())).toMatchObject({ kind: 'transient', code: 'SLACK_UNAVAILABLE' });
    expect(there.methods().filter((method) => method === 'chat.postMessage')).toHaveLength(3);
  });
});

describe('an answer', () => {
  test('429 is waited for, as long as Slack asks', async () => {
    const there = await slack({ 'conversations.history': [empty], 'chat.postMessage': [{ status: 429, headers: { 'retry-after': '7' }, text: '' }, posted] });
    expect((await there.deliver()).action).toBe('posted');
    expect(there.http.waits).toEqual([7000]);
  });

  test.each<[Answer, string, string]>([
    [{ json: { ok: false, error: 'invalid_auth' } }, 'SLACK_UNAUTHORIZED', 'invalid_auth (credential: file slack-token)'],
    [{ json: { ok: false, error: 'missing_scope', needed: 'chat:write' } }, 'SLACK_UNAUTHORIZED', 'missing_scope (needs chat:write)'],
    [{ json: { ok: false, error: 'is_archived' } }, 'SLACK_CHANNEL_REFUSED', 'is_archived'],
    [{ json: { ok: false, error: 'invalid_blocks', response_metadata: { messages: ['[ERROR] must be less than 3001'] } } }, 'SLACK_REFUSED', 'less than 3001'],
    [{ json: { ok: false } }, 'SLACK_REFUSED', 'no error code'],
    [{ text: '<html><title>Sign in</title></html>' }, 'SLACK_REFUSED', 'the answer is not one of'],
    [{ json: { ok: true } }, 'SLACK_REFUSED', 'another shape'],
    [{ status: 403, text: '<html>no</html>' }, 'SLACK_REFUSED', 'status 403'],
  ])('%j is %s', async (answer, code, text) => {
    const there = await slack({ 'conversations.history': [empty], 'chat.postMessage': [answer] });
    const error = await failureOf(there.deliver());
    expect(error).toMatchObject({ kind: 'refused', code });
    expect(error.message).toContain(text);
    expect(error.message).not.toContain('xoxb');
  });
});

describe('an incoming webhook', () => {
  const post = async (script: Script): Promise<void> => {
    const server = await serve(script);
    await postToSlackWebhook(testClient(), `${server.url}/services/T1/B1/x`, MESSAGE);
  };

  test('takes the message', async () => {
    await expect(post((_request, response) => void response.end('ok'))).resolves.toBeUndefined();
  });

  test.each([
    [404, 'no_service', 'no_service'],
    [400, 'invalid_payload', 'invalid_payload'],
    [200, '<html>welcome</html>', 'not the "ok"'],
  ])('that answers %i %s has refused it', async (status, text, said) => {
    const error = await failureOf(post((_request, response) => void response.writeHead(status).end(text)));
    expect(error).toMatchObject({ kind: 'refused', code: 'SLACK_REFUSED' });
    expect(error.message).toContain(said);
  });
});
