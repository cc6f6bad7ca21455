// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { StepError } from '../errors/errors.ts';
import { formatReference, parseDigestReference, parseReference, repositoryName } from './reference.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const HUB = 'index.docker.io';

function failure(parse: () => unknown): StepError {
  try {
    parse();
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('parseReference', () => {
  it.each([
    ['alpine', { registry: HUB, repository: 'library/alpine' }],
    ['alpine:3.22', { registry: HUB, repository: 'library/alpine', tag: '3.22' }],
    [`alpine@${DIGEST}`, { registry: HUB, repository: 'library/alpine', digest: DIGEST }],
    ['team/app', { registry: HUB, repository: 'team/app' }],
    ['docker.io/alpine', { registry: HUB, repository: 'library/alpine' }],
    ['index.docker.io/alpine', { registry: HUB, repository: 'library/alpine' }],
    ['docker.io/team/app:1', { registry: HUB, repository: 'team/app', tag: '1' }],
    ['localhost/app', { registry: 'localhost', repository: 'app' }],
    ['host:5000/app', { registry: 'host:5000', repository: 'app' }],
    ['127.0.0.1:5000/a/b/c', { registry: '127.0.0.1:5000', repository: 'a/b/c' }],
    [`[::1]:5000/app@${DIGEST}`, { registry: '[::1]:5000', repository: 'app', digest: DIGEST }],
    ['registry.example.com/team/app:1.4.0', { registry: 'registry.example.com', repository: 'team/app', tag: '1.4.0' }],
    [`registry.example.com/team/app:v_1.4-rc.1@${DIGEST}`, { registry: 'registry.example.com', repository: 'team/app', tag: 'v_1.4-rc.1', digest: DIGEST }],
    ['Registry.Example.COM/a.b/c_d/e__f/g--h', { registry: 'Registry.Example.COM', repository: 'a.b/c_d/e__f/g--h' }],
    ['host:5000/app:5000', { registry: 'host:5000', repository: 'app', tag: '5000' }],
    ['host:5000', { registry: HUB, repository: 'library/host', tag: '5000' }],
  ])('%s', (text, wanted) => {
    const parsed = parseReference(text);
    expect(parsed).toEqual(wanted);
    expect(parseReference(formatReference(parsed))).toEqual(parsed);
  });

  it.each([
    ['', 'is not a repository path component'],
    [' alpine', 'is not a repository path component'],
    ['alpine\n', 'is not a repository path component'],
    [`@${DIGEST}`, 'is not a repository path component'],
    ['r.example.com/', 'is not a repository path component'],
    ['r.example.com//app', 'is not a repository path component'],
    ['r.example.com/app/', 'is not a repository path component'],
    ['r.example.com/App', 'is not a repository path component'],
    ['r.example.com/a___b', 'is not a repository path component'],
    ['r.example.com/.hidden', 'is not a repository path component'],
    ['r.example.com/../secret', 'is not a repository path component'],
    ['r.example.com/a%2fb', 'is not a repository path component'],
    ['r.example.com/app?x=1', 'is not a repository path component'],
    ['https://r.example.com/app', 'is not a host'],
    ['user:password@r.example.com/app', 'is not sha256:'],
    ['r.example..com/app', 'is not a host'],
    ['-r.example.com/app', 'is not a host'],
    ['r.example.com:port/app', 'is not a host'],
    ['r.example.com:123456/app', 'is not a host'],
    ['alpine:', 'is not a tag'],
    ['alpine:-1', 'is not a tag'],
    [`alpine:${'x'.repeat(129)}`, 'is not a tag'],
    ['alpine:$(params.tag)', 'is not a tag'],
    ['alpine@', 'is not sha256:'],
    ['alpine@sha256:abc', 'is not sha256:'],
    [`alpine@${DIGEST.toUpperCase()}`, 'is not sha256:'],
    [`alpine@${DIGEST.replace('sha256', 'sha512')}`, 'is not sha256:'],
    [`alpine@${DIGEST}@${DIGEST}`, 'more than one "@"'],
    ['a'.repeat(1025), 'longer than 1024'],
  ])('refuses %j', (text, why) => {
    const error = failure(() => parseReference(text));
    expect(error).toMatchObject({ kind: 'input', code: 'REFERENCE_INVALID' });
    expect(error.message).toContain(why);
    expect(error.message.length).toBeLessThan(500);
  });

  it('is not slow on a text made to make it slow', () => {
    const started = performance.now();
    for (const text of [`${'a-'.repeat(511)}A`, `${'a.'.repeat(500)}-/x`, `${'_'.repeat(1000)}!`]) failure(() => parseReference(text));
    expect(performance.now() - started).toBeLessThan(200);
  });
});

describe('parseDigestReference', () => {
  it('keeps the tag for people', () => {
    const parsed = parseDigestReference(`r.example.com/app:1@${DIGEST}`);
    expect(parsed).toEqual({ registry: 'r.example.com', repository: 'app', tag: '1', digest: DIGEST });
    expect(repositoryName(parsed)).toBe('r.example.com/app');
  });

  it.each(['r.example.com/app:1', 'r.example.com/app', 'alpine:latest'])('refuses the movable %s with the expression to write', (text) => {
    const error = failure(() => parseDigestReference(text));
    expect(error).toMatchObject({ kind: 'input', code: 'REFERENCE_WITHOUT_DIGEST' });
    expect(error.message).toContain(text);
    expect(error.hint).toContain(`${text}@sha256:`);
    expect(error.hint).toContain('$(tasks.<build task>.results.IMAGE_DIGEST)');
  });

  it('says what is wrong with a wrong digest', () => {
    expect(failure(() => parseDigestReference('r.example.com/app@sha256:1234')).code).toBe('REFERENCE_INVALID');
  });
});
