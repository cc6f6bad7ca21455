// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { edit, IMAGE, UNTAGGED } from './test-edit.ts';

describe('what is refused', () => {
  test.each([
    ['no such file', 'value:g#a=digest', 'a: 1\n', 'TARGET_FILE_MISSING'],
    ['no such key', 'value:f#a.b=digest', 'a: {c: 1}\n', 'TARGET_NOT_FOUND'],
    ['an index beyond the list', 'value:f#a.7=digest', 'a: [1]\n', 'TARGET_NOT_FOUND'],
    ['values without tag and digest', 'helm-values:f#image', 'image: {repository: registry.example.com/team/app}\n', 'TARGET_NOT_FOUND'],
    ['an image that no entry names', 'kustomize:f', 'images: [{name: registry.example.com/team/app2, digest: x}]\n', 'TARGET_NOT_FOUND'],
    ['an image that no container has', 'manifest:f', 'spec: {containers: [{image: registry.example.com/other/app}, {name: x}]}\n', 'TARGET_NOT_FOUND'],
    ['another kind', 'argocd:f#image', 'kind: AppProject\nspec: {source: {helm: {parameters: [{name: image, value: x}]}}}\n', 'TARGET_NOT_FOUND'],
    ['an empty file', 'value:f#a=digest', '', 'TARGET_NOT_FOUND'],
    ['a key given twice', 'value:f#a=digest', 'a: 1\na: 2\n', 'TARGET_AMBIGUOUS'],
    ['two documents with the place', 'value:f#a=digest', 'a: 1\n---\na: 2\n', 'TARGET_AMBIGUOUS'],
    ['two values for one place', 'value:f#a=digest,value:f#a=tag', 'a: 1\n', 'TARGET_AMBIGUOUS'],
    ['two charts', 'argocd:f', 'kind: Application\nspec: {sources: [{chart: a, targetRevision: 1}, {chart: b, targetRevision: 1}]}\n', 'TARGET_AMBIGUOUS'],
    ['an alias', 'value:f#b=digest', 'a: &x 1\nb: *x\n', 'TARGET_UNSUPPORTED'],
    ['an anchor', 'value:f#a=digest', 'a: &x 1\nb: *x\n', 'TARGET_UNSUPPORTED'],
    ['a tag', 'value:f#a=digest', 'a: !!str 1\n', 'TARGET_UNSUPPORTED'],
    ['a block of text', 'value:f#a=digest', 'a: |\n  1\n', 'TARGET_UNSUPPORTED'],
    ['a mapping', 'value:f#a=digest', 'a: {b: 1}\n', 'TARGET_UNSUPPORTED'],
    ['a merge key', 'value:f#b.c=digest', 'a: &a {c: 1}\nb: {<<: *a}\n', 'TARGET_NOT_FOUND'],
    ['a template', 'value:f#a=digest', 'a: {{ .Values.image }}\n{{- if x }}\n', 'FILE_INVALID'],
    ['no UTF-8', 'value:f#a=digest', Buffer.from([0x61, 0x3a, 0x20, 0xff]), 'FILE_INVALID'],
    ['nesting without end', 'value:f#a=digest', `a: ${'['.repeat(50_000)}`, 'FILE_INVALID'],
    ['a file of megabytes', 'value:f#a=digest', `a: ${'x'.repeat(2_100_000)}`, 'FILE_INVALID'],
  ])('%s', async (_, target, text, code) => {
    await expect(edit(text, target, { chartVersion: '1.5.0' })).rejects.toMatchObject({ kind: 'input', code });
  });

  test.each([
    ['value:f#a=tag', 'a: 1\n', UNTAGGED, 'TAG_MISSING'],
    ['helm-values:f#image', 'image: {repository: registry.example.com/team/app, tag: "1"}\n', UNTAGGED, 'TAG_MISSING'],
    ['value:f#a=chart-version', 'a: 1\n', IMAGE, 'CHART_VERSION_MISSING'],
  ])('%s without it', async (target, text, image, code) => {
    await expect(edit(text, target, { image })).rejects.toMatchObject({ kind: 'input', code });
  });
});
