// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { Duration, Flag, ForgePlace, ImageByDigest, List, Repository, ServiceUrl, Sha256Digest, Tag, WorkspacePath } from './param-types.ts';

const DIGEST = `sha256:${'4b825dc6'.repeat(8)}`;

function problem(schema: z.ZodType<unknown, string>, text: string): string {
  const parsed = schema.safeParse(text);
  if (parsed.success) throw new Error(`${JSON.stringify(text)} was accepted as ${JSON.stringify(parsed.data)}`);
  return parsed.error.issues.map(({ message }) => message).join('; ');
}

describe('Duration', () => {
  it.each([
    ['1s', 1000],
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['2h3m4s', 7_384_000],
    ['0h0m1s', 1000],
    ['576h', 2_073_600_000],
  ])('%s', (text, milliseconds) => {
    expect(Duration.parse(text)).toBe(milliseconds);
    // A timer that cannot wait that long would fire at once.
    expect(milliseconds).toBeLessThan(2 ** 31);
  });

  it.each([
    ['', 'must be more than 0'],
    ['0s', 'must be more than 0'],
    ['10', 'must be a duration'],
    ['10 m', 'must be a duration'],
    ['-1m', 'must be a duration'],
    ['1.5h', 'must be a duration'],
    ['1m1h', 'must be a duration'],
    ['10M', 'must be a duration'],
    ['1d', 'must be a duration'],
    ['10m\n', 'must be a duration'],
    ['576h1s', 'must be at most 576h'],
    ['1000h', 'must be at most 576h'],
    ['9999h', 'must be at most 576h'],
    ['10000h', 'must be a duration'],
  ])('refuses %j', (text, why) => {
    expect(problem(Duration, text)).toContain(why);
  });
});

describe('ServiceUrl', () => {
  it.each([
    ['https://rekor.example.com', 'https://rekor.example.com'],
    ['http://127.0.0.1:3000/base/', 'http://127.0.0.1:3000/base'],
    ['https://rekor.example.com///', 'https://rekor.example.com'],
  ])('%s', (text, wanted) => {
    expect(ServiceUrl.parse(text)).toBe(wanted);
  });

  it.each([
    ['rekor.example.com', 'must be an http:// or https:// URL'],
    ['ftp://rekor.example.com', 'must be an http:// or https:// URL'],
    ['file:///etc/passwd', 'must be an http:// or https:// URL'],
    ['https://', 'must be an http:// or https:// URL'],
    ['https://user:password@rekor.example.com', 'must not hold credentials'],
    ['https://token@rekor.example.com', 'must not hold credentials'],
    [`https://${'x'.repeat(2000)}`, '2000'],
  ])('refuses %j', (text, why) => {
    expect(problem(ServiceUrl, text)).toContain(why);
  });
});

describe('WorkspacePath', () => {
  it.each(['sbom.json', 'a/b.json', '.dockerconfigjson', 'a..b/..c', 'a b'])('%j', (text) => {
    expect(WorkspacePath.parse(text)).toBe(text);
  });

  it.each(['/etc/passwd', '..', '../x', 'a/../b', 'a/..', 'a\0b', 'x'.repeat(1001)])('refuses %j', (text) => {
    expect(problem(WorkspacePath, text)).not.toBe('');
  });
});

describe('Flag', () => {
  it('is true or false', () => {
    expect([Flag.parse('true'), Flag.parse('false')]).toEqual([true, false]);
  });

  it.each(['', 'yes', 'TRUE', '1', ' true'])('refuses %j', (text) => {
    expect(problem(Flag, text)).toContain('"true"');
  });
});

describe('List', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [' a, b\n\nc\t,,d ', ['a', 'b', 'c', 'd']],
  ])('%j', (text, wanted) => {
    expect(List.parse(text)).toEqual(wanted);
  });
});

describe('ImageByDigest and Sha256Digest', () => {
  it('reads a reference with a digest', () => {
    expect(ImageByDigest.parse(`r.example.com/app:1@${DIGEST}`)).toEqual({ registry: 'r.example.com', repository: 'app', tag: '1', digest: DIGEST });
  });

  it('refuses a tag with the expression to write, in one message', () => {
    expect(problem(ImageByDigest, 'r.example.com/app:1')).toMatch(/names a tag.*; name the digest: r\.example\.com\/app:1@sha256:…/);
  });

  it.each(['', 'r.example.com/App', 'r.example.com/app@sha256:1'])('refuses %j', (text) => {
    expect(problem(ImageByDigest, text)).toContain('is not an image reference');
  });

  it('knows a digest', () => {
    expect(Sha256Digest.parse(DIGEST)).toBe(DIGEST);
    expect(problem(Sha256Digest, DIGEST.toUpperCase())).toContain('lower-case');
  });
});

describe('Tag', () => {
  it.each(['latest', '1.4.0', 'v_1-rc.1', '_', 'x'.repeat(128)])('%j', (text) => {
    expect(Tag.parse(text)).toBe(text);
  });

  it.each(['', '-1', '.x', 'a b', 'a/b', 'a:b', 'tag\n', 'x'.repeat(129), 'grün'])('refuses %j', (text) => {
    expect(problem(Tag, text)).toContain('must be a tag');
  });
});

describe('Repository', () => {
  it('is a reference without tag and digest', () => {
    expect(Repository.parse('r.example.com:5000/team/app')).toEqual({ registry: 'r.example.com:5000', repository: 'team/app' });
  });

  it.each([
    ['r.example.com/app:1', 'without tag and digest'],
    [`r.example.com/app@${DIGEST}`, 'without tag and digest'],
    ['r.example.com/App', 'is not an image reference'],
    ['', 'is not an image reference'],
  ])('refuses %j', (text, why) => {
    expect(problem(Repository, text)).toContain(why);
  });
});

describe('ForgePlace', () => {
  it('is a kind, with a URL where the API is elsewhere', () => {
    expect(ForgePlace.parse('gitea')).toEqual({ kind: 'gitea', url: undefined });
    expect(ForgePlace.parse('github=https://git.example.com/')).toEqual({ kind: 'github', url: 'https://git.example.com' });
  });

  it.each(['bitbucket', 'gitea=', 'gitea=ftp://x', 'gitea=https://user:pw@x'])('refuses %j', (text) => {
    expect(problem(ForgePlace, text)).not.toBe('');
  });
});
