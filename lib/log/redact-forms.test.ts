// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { registerSecret, scrub } from './redact.ts';

// The two alphabets of base64 differ in two characters, so this secret looks different in each of them and in a URL.
const SECRET = 'quiet~~~heron???"77"';
const FORMS = {
  plain: SECRET,
  base64: Buffer.from(SECRET).toString('base64'),
  base64url: Buffer.from(SECRET).toString('base64url'),
  'a URL': encodeURIComponent(SECRET),
  JSON: JSON.stringify(SECRET).slice(1, -1),
};

it('the forms are different ones', () => {
  expect(new Set(Object.values(FORMS)).size).toBe(5);
  expect(FORMS.base64).toMatch(/[+/].*=$/);
});

it.each(Object.entries(FORMS))('a registered secret is hidden in the form of %s, whole', (_name, form) => {
  registerSecret(SECRET);
  expect(scrub(`a ${form} b`)).toBe('a *** b');
});
