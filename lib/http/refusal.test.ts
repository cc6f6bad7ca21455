// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { registerSecret } from '../log/redact.ts';
import type { HttpResponse } from './http.ts';
import { excerpt, refusal } from './refusal.ts';

function response(status: number, body: string): HttpResponse {
  return {
    status,
    headers: {},
    body: async () => Buffer.from(body),
    json: async () => JSON.parse(body),
    async *stream() {
      yield Buffer.from(body);
    },
  };
}

describe('refusal', () => {
  test.each([
    [401, 'HTTP_UNAUTHORIZED'],
    [403, 'HTTP_FORBIDDEN'],
    [404, 'HTTP_NOT_FOUND'],
    [409, 'HTTP_CONFLICT'],
    [418, 'HTTP_REFUSED'],
    [422, 'HTTP_UNPROCESSABLE'],
  ])('status %i is %s', async (status, code) => {
    const error = await refusal(response(status, ''), 'write it', { credential: 'docker config entry for r.example.com' });
    expect([error.kind, error.code]).toEqual(['refused', code]);
    expect(error.message).toBe(`cannot write it: status ${status} (credential: docker config entry for r.example.com)`);
  });

  test('code and hint can be the caller’s', async () => {
    expect(await refusal(response(403, ''), 'x', { code: 'MINE', hint: 'do this' })).toMatchObject({ code: 'MINE', hint: 'do this' });
  });

  test('a body that cannot be read leaves the status', async () => {
    const broken = { ...response(403, ''), body: () => Promise.reject(new Error('cut')) };
    expect((await refusal(broken, 'x')).message).toBe('cannot x: status 403');
  });
});

describe('excerpt', () => {
  registerSecret('correct horse battery');
  test.each([
    ['{"errors":[{"code":"DENIED","message":"no access"},{"code":"X","message":"y"}]}', 'DENIED: no access; X: y'],
    ['{"error":"invalid_grant","error_description":"expired"}', 'invalid_grant: expired'],
    ['{"message":"not found"}', 'not found'],
    ['plain\ntext\u001b[31m\u0000 here', 'plain text [31m here'],
    ['<html><body>gateway</body></html>', ''],
    ['{"errors":[null,1,{}]}', '{"errors":[null,1,{}]}'],
    ['null', 'null'],
    ['you sent correct horse battery', 'you sent ***'],
    ['bad header: Authorization: Bearer abcdef0123456789', 'bad header: Authorization: Bearer ***'],
    ['token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln is old', 'token *** is old'],
  ])('%j reads %j', (body, said) => {
    expect(excerpt(Buffer.from(body))).toBe(said);
  });

  test('it ends after 200 characters', () => {
    expect(excerpt(Buffer.from('x'.repeat(5000)))).toBe(`${'x'.repeat(200)}…`);
  });
});
