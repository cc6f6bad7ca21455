// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { Identity, issuerMatch, subjectMatch } from './identity-schema.ts';

const SUBJECT = 'https://kubernetes.io/namespaces/build/serviceaccounts/bot';
const ISSUER = 'https://issuer.example.com';

describe('an identity', () => {
  it('is matched as a whole, by text or by pattern', () => {
    const texts = Identity.parse({ issuer: ISSUER, subject: SUBJECT });
    expect([issuerMatch(texts), subjectMatch(texts)]).toEqual([ISSUER, SUBJECT]);
    const patterns = Identity.parse({ issuerRegExp: 'https://issuer\\.example\\.(com|org)', subjectRegExp: 'https://kubernetes\\.io/namespaces/[a-z]+/.+' });
    const [issuer, subject] = [issuerMatch(patterns), subjectMatch(patterns)];
    if (typeof issuer === 'string' || typeof subject === 'string') throw new Error('they are no patterns');
    expect([issuer.test(ISSUER), subject.test(SUBJECT)]).toEqual([true, true]);
    expect([issuer.test(`${ISSUER}.evil.example.com`), subject.test(`${SUBJECT}\nx`)]).toEqual([false, false]);
  });

  it.each([
    ['no issuer', { subject: SUBJECT }, 'must have issuer or issuerRegExp'],
    ['no subject', { issuer: ISSUER }, 'must have subject or subjectRegExp'],
    ['two issuers', { issuer: ISSUER, issuerRegExp: '.+', subject: SUBJECT }, 'must have issuer or issuerRegExp'],
    ['two subjects', { issuer: ISSUER, subject: SUBJECT, subjectRegExp: '.+' }, 'must have subject or subjectRegExp'],
    ['an empty issuer', { issuer: '', subject: SUBJECT }, 'must be the whole text'],
    ['a subject with a line break', { issuer: ISSUER, subject: `${SUBJECT}\n` }, 'must be the whole text'],
    ['a pattern that is none', { issuerRegExp: 'x)|(y', subject: SUBJECT }, 'is not a regular expression'],
    ['an empty pattern', { issuerRegExp: '', subject: SUBJECT }, 'must not be empty'],
    ['a field that it has not', { issuer: ISSUER, subject: SUBJECT, email: 'x' }, 'email'],
  ])('is refused: %s', (_what, content, problem) => {
    expect(Identity.safeParse(content).error?.message).toContain(problem);
  });
});
