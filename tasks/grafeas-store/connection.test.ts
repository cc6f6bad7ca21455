// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HttpRequest, HttpResponse } from '../../lib/http/http.ts';
import type { Logger } from '../../lib/log/log.ts';
import { silentLogger } from '../../lib/log/log.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import { withGrafeas } from './connection.ts';
import type { spec } from './spec.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credentials-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Connects with this URL and workspace; gives what was asked, and what was warned of. */
async function connect(url: string, bound: boolean): Promise<{ asked: HttpRequest[]; warnings: string[] }> {
  const asked: HttpRequest[] = [];
  const warnings: string[] = [];
  const http = async (request: HttpRequest): Promise<HttpResponse> => {
    asked.push(request);
    return { status: 200, headers: { 'metadata-flavor': 'Google' }, json: async () => ({ access_token: 'ya29.from-metadata' }) } as unknown as HttpResponse;
  };
  const log: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
  const inputs = { params: { 'grafeas-url': url, project: 'p', api: 'auto' }, workspaces: { 'grafeas-credentials': bound ? folder : undefined } };
  await withGrafeas(inputs as unknown as Inputs<typeof spec>, { http, log } as unknown as StepDeps, async () => undefined);
  return { asked, warnings };
}

const METADATA = 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token';

describe('the token', () => {
  test("of the metadata server goes to Google's service", async () => {
    const { asked } = await connect('https://containeranalysis.googleapis.com', false);
    expect(asked.map(({ url, headers }) => [url, headers?.['authorization']])).toEqual([
      [METADATA, undefined],
      ['https://containeranalysis.googleapis.com/v1/projects/p/notes?pageSize=1', 'Bearer ya29.from-metadata'],
    ]);
  });

  test.each(['https://googleapis.com.example.com', 'https://notgoogleapis.com', 'http://containeranalysis.googleapis.com', 'https://grafeas.example.com'])(
    'and to no other place: %s',
    async (url) => {
      const { asked } = await connect(url, false);
      expect(asked.map((request) => [new URL(request.url).host, request.headers?.['authorization']])).toEqual([[new URL(url).host, undefined]]);
    },
  );

  test('of the workspace comes first, without its line break', async () => {
    await writeFile(join(folder, 'token'), 'tok-from-file\n');
    const { asked } = await connect('https://containeranalysis.googleapis.com', true);
    expect(asked.map(({ headers }) => headers?.['authorization'])).toEqual(['Bearer tok-from-file']);
  });

  test.each([
    ['http://grafeas.example.com', 1],
    ['http://127.0.0.1:8080', 0],
    ['https://grafeas.example.com', 0],
  ])('over %s is warned of %i times', async (url, times) => {
    await writeFile(join(folder, 'token'), 'tok-from-file');
    expect((await connect(url, true)).warnings).toHaveLength(times);
  });
});

test.each<[string, Record<string, string>]>([
  ['nothing', {}],
  ['a certificate without key', { 'tls.crt': 'x' }],
  ['a key without certificate', { 'tls.key': 'x' }],
  ['a token of two lines', { token: 'one\ntwo' }],
  ['an empty token', { token: '\n' }],
  ['a token that would break the header', { token: 'a\u0000b' }],
])('%s is no credential, and nothing is sent', async (_, files) => {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await expect(connect('https://grafeas.example.com', true)).rejects.toMatchObject({ kind: 'input', code: 'CREDENTIALS_INVALID' });
});
