// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { redirectTarget } from './redirect.ts';

const FROM = new URL('https://r.example.com/v2/app/blobs/x');

function redirect(location: string | undefined, statusCode = 307): IncomingMessage {
  return { statusCode, headers: { location } } as IncomingMessage;
}

describe('redirectTarget', () => {
  test.each([
    ['/elsewhere?a=b', 'https://r.example.com/elsewhere?a=b'],
    ['https://cdn.example.com/x', 'https://cdn.example.com/x'],
    ['https://user:pw@cdn.example.com/x', 'https://cdn.example.com/x'],
  ])('%s leads to %s', (location, target) => {
    expect(redirectTarget(redirect(location), 'GET', FROM, 'read')?.href).toBe(target);
  });

  test('plain HTTP after TLS is refused', () => {
    expect(() => redirectTarget(redirect('http://r.example.com/x'), 'GET', FROM, 'read')).toThrow(/from TLS to plain HTTP/);
  });

  test.each([
    [redirect('/x', 200), 'GET'],
    [redirect('/x', 304), 'GET'],
    [redirect(undefined), 'GET'],
    [redirect('/x'), 'POST'],
  ])('anything else is no redirect (%#)', (response, method) => {
    expect(redirectTarget(response, method, FROM, 'read')).toBeUndefined();
  });
});
