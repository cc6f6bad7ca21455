// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import { Author, Branch, ReplacesParam, Targets, Trailers, targetName } from './params.ts';
import { DIGEST } from './test-edit.ts';

function problem(schema: z.ZodType<unknown, string>, text: string): string {
  return schema.safeParse(text).error?.issues[0]?.message ?? '';
}

describe('targets', () => {
  test.each([
    ['kustomize:apps/app/kustomization.yaml', { kind: 'kustomize', path: 'apps/app/kustomization.yaml', name: undefined }],
    ['manifest:a.yaml#registry.example.com:5000/app', { kind: 'manifest', path: 'a.yaml', name: 'registry.example.com:5000/app' }],
    ['argocd:.argocd-source-app.yaml#image', { kind: 'argocd', path: '.argocd-source-app.yaml', prefix: 'image' }],
    ['helm-values:v.yaml#a\\.b.c', { kind: 'helm-values', path: 'v.yaml', keys: ['a.b', 'c'] }],
    [
      'value:Chart.yaml#dependencies.0.version=chart-version',
      { kind: 'value', path: 'Chart.yaml', keys: ['dependencies', '0', 'version'], field: 'chart-version' },
    ],
    ['value:v.yaml#a=b=digest', { kind: 'value', path: 'v.yaml', keys: ['a=b'], field: 'digest' }],
  ])('%s', (text, target) => {
    const [parsed] = Targets.parse(text);
    expect(parsed).toEqual(target);
    expect(parsed && targetName(parsed)).toBe(text);
  });

  test('several, by commas, spaces and lines', () => {
    expect(Targets.parse('kustomize:a,\n manifest:b\targocd:c\n')).toHaveLength(3);
  });

  test.each([
    ['', 'must name 1 to 50'],
    ['kustomize:a '.repeat(51), 'must name 1 to 50'],
    ['a.yaml', 'is not a target'],
    ['helm:a.yaml#image', 'is not a target'],
    ['kustomize:/etc/passwd', 'below the root'],
    ['kustomize:../a', 'below the root'],
    ['kustomize:a//b', 'below the root'],
    ['kustomize:.git/config', 'below the root'],
    ['helm-values:a', 'must say where'],
    ['helm-values:a#', 'must say where'],
    ['helm-values:a#b..c', 'must say where'],
    ['helm-values:a#b.', 'must say where'],
    ['value:a#b', 'must say where'],
    ['value:a#b=body', 'must end with what to write'],
  ])('%j is refused', (text, message) => {
    expect(problem(Targets, text)).toContain(message);
  });
});

describe('trailers', () => {
  test('lines without a value are left out', () => {
    expect(Trailers.parse('Source-Commit: 6c1a49b\nApproved-By:\n\nPolicy-Result:   passed  \r\n')).toEqual([
      { key: 'Source-Commit', value: '6c1a49b' },
      { key: 'Policy-Result', value: 'passed' },
    ]);
  });

  test.each([
    ['no colon', 'is not a line'],
    ['bad key: x', 'is not a line'],
    ['Key: a\u0000b', 'is not a line'],
    [`Key: ${'x'.repeat(501)}`, 'is not a line'],
    ['image-digest: sha256:1', 'written by the step itself'],
    ['Supply-Chain-Loop-Guard: false', 'written by the step itself'],
    ['A: b\n'.repeat(31), 'at most 30'],
  ])('%j is refused', (text, message) => {
    expect(problem(Trailers, text)).toContain(message);
  });
});

describe('small ones', () => {
  test.each(['main', 'release/1.4', 'feature/ümlaut', 'a-b_c'])('%s is a branch', (name) => {
    expect(Branch.parse(name)).toBe(name);
  });
  test.each([
    '',
    '-x',
    '/a',
    'a/',
    'a..b',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    '[a',
    'a\\b',
    'a//b',
    '.a',
    'a/.b',
    'a.lock',
    'a.lock/b',
    '@{u}',
    'a.',
    'a\u0007',
  ])('%j is no branch', (name) => {
    expect(problem(Branch, name)).not.toBe('');
  });

  test('authors', () => {
    expect(Author.parse('Deploy Robot <robot@example.com>')).toEqual({ name: 'Deploy Robot', email: 'robot@example.com' });
    for (const text of ['robot@example.com', 'a <b', 'a\n <b@c>', '<b@c>', 'a <b@c> x']) expect(problem(Author, text)).toContain('Name <address>');
  });

  test('what may be replaced', () => {
    expect(['older', 'any', DIGEST].map((text) => ReplacesParam.parse(text))).toEqual(['older', 'any', { digest: DIGEST }]);
    for (const text of ['newer', 'sha256:1']) expect(problem(ReplacesParam, text)).toContain('older, any');
  });
});
