// SPDX-License-Identifier: Apache-2.0
import { type ScriptedServer, startScriptedServer } from '../../lib/http/test-server.ts';

type Wire = Record<string, unknown> & { name: string };

/** What stands in for Google's service: v1 alone, filters by resource, pages of two, and a token. `occurrences` and `notes` are all that it was sent. */
export type GoogleFake = ScriptedServer & { occurrences: Wire[]; notes: Wire[] };

export async function startGoogleFake(token: string): Promise<GoogleFake> {
  const occurrences: Wire[] = [];
  const notes: Wire[] = [];
  const keep = (parent: string, occurrence: Record<string, unknown>): Wire => {
    const kept = { ...occurrence, name: `${parent}/occurrences/${occurrences.length}`, createTime: '2026-11-24T18:00:00Z' };
    occurrences.push(kept);
    return kept;
  };
  const list = (of: Wire[], query: URLSearchParams): unknown => {
    const resource = /^resourceUrl="([^"]+)"$/.exec(query.get('filter') ?? '')?.[1];
    const start = Number(query.get('pageToken') ?? 0);
    const found = of.filter((occurrence) => occurrence['resourceUri'] === resource);
    return { occurrences: found.slice(start, start + 2), ...(start + 2 < found.length && { nextPageToken: String(start + 2) }) };
  };
  const server = await startScriptedServer((request, response) => {
    const reply = (status: number, body: unknown): unknown => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const { pathname, searchParams } = new URL(request.url, 'http://fake');
    const [, parent = '', rest = ''] = /^\/v1\/(projects\/[^/]+(?:\/locations\/[^/]+)?)\/(.+)$/.exec(pathname) ?? [];
    if (request.headers.authorization !== `Bearer ${token}`) return reply(401, { error: { code: 401, message: 'no valid token' } });
    const body = request.method === 'POST' ? JSON.parse(request.body.toString()) : undefined;
    if (rest === 'notes' && body === undefined) return reply(200, { notes: [] });
    if (rest === 'notes') {
      if (notes.some(({ name }) => name === body.name)) return reply(409, { error: { code: 409, status: 'ALREADY_EXISTS' } });
      notes.push(body);
      return reply(200, body);
    }
    if (rest === 'occurrences:batchCreate') return reply(200, { occurrences: body.occurrences.map((one: Wire) => keep(parent, one)) });
    if (rest === 'occurrences') return reply(200, body ? keep(parent, body) : list(occurrences, searchParams));
    const [, note] = /^notes\/([^/]+)\/occurrences$/.exec(rest) ?? [];
    if (note === undefined) return reply(404, { error: { code: 404, message: 'Not Found' } });
    return reply(
      200,
      list(
        occurrences.filter(({ noteName }) => noteName === `${parent}/notes/${note}`),
        searchParams,
      ),
    );
  });
  return Object.assign(server, { occurrences, notes });
}
