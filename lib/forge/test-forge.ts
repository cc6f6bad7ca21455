// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { type ScriptedServer, serve, testClient } from '../http/test-server.ts';
import { createForge, type Forge, type ForgeKind } from './forge.ts';

/** What a scripted forge answers: JSON with 200 unless it says otherwise. */
export type Answer = { status?: number; headers?: Record<string, string>; json?: unknown; text?: string };
/** Answers by `METHOD /path` below the API's base, query left aside; a list is used up one by one, its last answer again and again. */
export type Answers = Record<string, Answer | Answer[] | ((query: URLSearchParams, body: unknown) => Answer)>;
export type TestForge = { forge: Forge; server: ScriptedServer; waits: number[]; calls(): string[]; bodies(): unknown[] };

const BASE: Record<ForgeKind, string> = { github: '/api/v3', gitlab: '/api/v4', gitea: '/api/v1' };
export const TOKEN = 'forge-token-5521';

/** A client of `team/app` on a scripted forge; anything that is not scripted is 404. `closeAll` of lib/http's test server closes it. */
export async function testForge(kind: ForgeKind, answers: Answers): Promise<TestForge> {
  const used = new Map<string, number>();
  const server = await serve(({ method, url, body }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://forge');
    const key = `${method} ${pathname.slice(BASE[kind].length)}`;
    const scripted = answers[key];
    const count = used.get(key) ?? 0;
    used.set(key, count + 1);
    if (typeof scripted === 'function') return reply(response, scripted(searchParams, body.length > 0 ? JSON.parse(body.toString()) : undefined));
    reply(response, (Array.isArray(scripted) ? (scripted[count] ?? scripted.at(-1)) : scripted) ?? { status: 404, json: { message: 'Not Found' } });
  });
  const http = testClient();
  const repo = kind === 'gitlab' ? 'team/group/app' : 'team/app';
  return {
    forge: createForge({ kind, url: server.url, repo, token: TOKEN, credential: 'token file', http }),
    server,
    waits: http.waits,
    calls: () => server.seen.map(({ method, url }) => `${method} ${url.slice(BASE[kind].length)}`),
    bodies: () => server.seen.filter(({ body }) => body.length > 0).map(({ body }) => JSON.parse(body.toString()) as unknown),
  };
}

function reply(response: ServerResponse, { status = 200, headers = {}, json, text }: Answer): void {
  response.writeHead(status, { 'content-type': json === undefined ? 'text/plain' : 'application/json', ...headers });
  response.end(text ?? JSON.stringify(json ?? null));
}
