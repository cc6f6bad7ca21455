// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { redactUrl, registerSecret, scrub } from './redact.ts';

describe('scrub', () => {
  const secret = 'pä/ss+wo?rd';
  registerSecret(secret);

  it.each([
    ['as it is', `x ${secret} y ${secret}`],
    ['in base64', `Basic ${Buffer.from(secret).toString('base64')}`],
    ['in base64url', `token ${Buffer.from(secret).toString('base64url')}`],
    ['in a URL', `https://r.example.com/?p=${encodeURIComponent(secret)}`],
  ])('hides a secret %s', (_how, text) => {
    const clean = scrub(text);
    expect(clean).toContain('***');
    expect(clean).not.toMatch(/wo.{1,3}rd|cMOkL3Nz/);
  });

  it('hides the whole of a secret that begins with another one', () => {
    registerSecret('hunter');
    registerSecret('hunter22-long');
    registerSecret('hunter22');
    expect(scrub('hunter22-long, hunter22, hunter')).toBe('***, ***, ***');
  });

  it.each(['', 'a', 'abc'])('does not register %j: hiding it would hide ordinary text', (short) => {
    registerSecret(short);
    expect(scrub('an abc of a')).toBe('an abc of a');
  });

  it('takes a secret with special characters literally', () => {
    registerSecret('a.*$&c');
    expect(scrub('a.*$&c abbbc')).toBe('*** abbbc');
  });

  it('registers half of a surrogate pair without failing', () => {
    registerSecret('half \ud83d');
    expect(scrub('it is half \ud83d')).toBe('it is ***');
  });
});

describe('redactUrl', () => {
  it.each([
    ['https://r.example.com/v2/app', 'https://r.example.com/v2/app'],
    ['https://user:password@r.example.com:8443/v2/', 'https://r.example.com:8443/v2/'],
    ['https://token@r.example.com/', 'https://r.example.com/'],
    ['https://r.example.com/x?digest=sha256:1&n=5&X-Amz-Signature=abc', 'https://r.example.com/x?digest=sha256:1&n=5&X-Amz-Signature=***'],
    ['https://r.example.com/x?token=abc&token=def', 'https://r.example.com/x?token=***&token=***'],
    ['https://r.example.com/x?DIGEST=abc', 'https://r.example.com/x?DIGEST=***'],
    ['https://r.example.com/x#access_token=abc', 'https://r.example.com/x'],
    ['not a URL with a password', '(unreadable URL)'],
    ['', '(unreadable URL)'],
  ])('%j', (text, wanted) => {
    expect(redactUrl(text)).toBe(wanted);
  });

  it('hides a registered secret in the path', () => {
    registerSecret('T000/B000/hook');
    expect(redactUrl('https://hooks.example.com/services/T000/B000/hook')).toBe('https://hooks.example.com/services/***');
  });
});
