// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { DIGEST, edit, IMAGE, OLD, UNTAGGED } from './test-edit.ts';

/** [name, target, before, after]: `«…»` in `after` is what the edit puts there, everything else must be as before. */
type Case = [string, string, string, string];

function check(cases: Case[], options?: Parameters<typeof edit>[2]): void {
  test.each(cases)('%s', async (_, target, before, after) => {
    const first = await edit(before, target, options);
    expect(first.text).toBe(after.replaceAll(/[«»]/g, ''));
    // Without what was put in, the old text is left.
    const pieces = after.split(/«[^»]*»/);
    let at = 0;
    for (const piece of pieces) {
      const found = before.indexOf(piece, at);
      expect(found, piece).toBeGreaterThanOrEqual(0);
      at = found + piece.length;
    }
    const second = await edit(first.text, target, options);
    expect(second.plan).toEqual({ changes: [], files: new Map() });
  });
}

describe('helm-values', () => {
  check([
    [
      'a digest key',
      'helm-values:f#image',
      `image:\n  repository: registry.example.com/team/app\n  digest: ${OLD}\n`,
      `image:\n  repository: registry.example.com/team/app\n  digest: «${DIGEST}»\n`,
    ],
    [
      'quotes, comments, odd spacing and line endings',
      'helm-values:f#image',
      `# top\r\nimage :   # the app\r\n      tag:   "1.4.0"   # version\r\n      digest: '${OLD}' # pinned\r\n      pullPolicy:   Always\r\nother: [ 1,2 ,3 ]\r\n`,
      `# top\r\nimage :   # the app\r\n      tag:   "«1.5.0»"   # version\r\n      digest: '«${DIGEST}»' # pinned\r\n      pullPolicy:   Always\r\nother: [ 1,2 ,3 ]\r\n`.replace(
        '«1.5.0»',
        '«1.5.0»',
      ),
    ],
    ['an empty digest', 'helm-values:f#image', 'image:\n  tag: 1.5.0\n  digest: ""\n', `image:\n  tag: 1.5.0\n  digest: «"${DIGEST}"»\n`],
    ['a digest without a value', 'helm-values:f#image', 'image:\n  tag: 1.5.0\n  digest:\nnext: 1\n', `image:\n  tag: 1.5.0\n  digest:« ${DIGEST}»\nnext: 1\n`],
    ['a digest without a value and a comment', 'helm-values:f#image', 'image:\n  digest: # none yet\n', `image:\n  digest:« ${DIGEST}» # none yet\n`],
    ['a digest of null', 'helm-values:f#image', 'image: {digest: null}\n', `image: {digest: «${DIGEST}»}\n`],
    [
      'a tag alone',
      'helm-values:f#image',
      'image:\n  repository: team/app\n  tag: 1.4.0\n',
      `image:\n  repository: «registry.example.com/team/app»\n  tag: «1.5.0@${DIGEST}»\n`,
    ],
    [
      'a registry of its own',
      'helm-values:f#image',
      `image:\n  registry: docker.io\n  repository: team/app\n  digest: ${OLD}\n`,
      `image:\n  registry: «registry.example.com»\n  repository: team/app\n  digest: «${DIGEST}»\n`,
    ],
    [
      'an empty registry',
      'helm-values:f#image',
      `image:\n  registry: ""\n  repository: team/app\n  digest: ${OLD}\n`,
      `image:\n  registry: ""\n  repository: «registry.example.com/team/app»\n  digest: «${DIGEST}»\n`,
    ],
    ['one string', 'helm-values:f#app.image', `app:\n  image: registry.example.com/team/app:1.4.0@${OLD} # here\n`, `app:\n  image: «${IMAGE}» # here\n`],
    [
      'a key with dots, and an index',
      'helm-values:f#a\\.b.1.image',
      `a.b:\n- image: x\n- image: 'registry.example.com/team/app'\n`,
      `a.b:\n- image: x\n- image: '«${IMAGE}»'\n`,
    ],
    [
      'the second document',
      'helm-values:f#image',
      `---\nother: 1\n...\n---\nimage: registry.example.com/team/app:1\n`,
      `---\nother: 1\n...\n---\nimage: «${IMAGE}»\n`,
    ],
    ['a byte order mark', 'helm-values:f#image', '\ufeffimage: registry.example.com/team/app:1\n', `\ufeffimage: «${IMAGE}»\n`],
    [
      'JSON',
      'helm-values:f#image',
      `{\n\t"image": {"tag": "1.4.0", "digest": "${OLD}"},\n\t"n": 1.0\n}`,
      `{\n\t"image": {"tag": "«1.5.0»", "digest": "«${DIGEST}»"},\n\t"n": 1.0\n}`,
    ],
    ['no line break at the end', 'helm-values:f#image.digest', `image:\n  digest: registry.example.com/team/app`, `image:\n  digest: «${IMAGE}»`],
  ]);

  test('without a tag a stale tag beside a digest is left alone', async () => {
    const { text } = await edit(`image:\n  tag: 1.4.0\n  digest: ${OLD}\n`, 'helm-values:f#image', { image: UNTAGGED });
    expect(text).toBe(`image:\n  tag: 1.4.0\n  digest: ${DIGEST}\n`);
  });

  test.each(['1e10000', '0x1f', '012', '12_3', 'no', 'null', '1.10', '2026-01-01'])('the tag %s stays text for readers of YAML 1.1 and 1.2', async (tag) => {
    const { text } = await edit('image:\n  tag: a\n  digest: b\n', 'helm-values:f#image', { image: IMAGE.replace('1.5.0', tag) });
    for (const version of ['1.1', '1.2'] as const) expect(parse(text, { version })).toEqual({ image: { tag, digest: DIGEST } });
  });
});

describe('kustomize', () => {
  check([
    [
      'a digest is added behind the tag, in the indentation of its entry',
      'kustomize:f',
      'kind: Kustomization\nimages:\n  - name: registry.example.com/team/other\n    newTag: "1"\n  -   name: registry.example.com/team/app   # ours\n      newTag: 1.4.0 # tag\n\nresources: [a]\n',
      `kind: Kustomization\nimages:\n  - name: registry.example.com/team/other\n    newTag: "1"\n  -   name: registry.example.com/team/app   # ours\n      newTag: «1.5.0» # tag\n«      digest: ${DIGEST}\n»\nresources: [a]\n`,
    ],
    [
      'a digest in place',
      'kustomize:f',
      `images:\n- name: registry.example.com/team/app\n  digest: ${OLD}\n`,
      `images:\n- name: registry.example.com/team/app\n  digest: «${DIGEST}»\n`,
    ],
    [
      'a placeholder name',
      'kustomize:f#app',
      `images:\n- digest: ${OLD}\n  name: app\n`,
      `images:\n- digest: «${DIGEST}»\n  name: app\n«  newName: registry.example.com/team/app\n»`,
    ],
    [
      'a new name is kept',
      'kustomize:f#app',
      `images:\n- name: app\n  newName: registry.example.com/team/app\n`,
      `images:\n- name: app\n  newName: registry.example.com/team/app\n«  digest: ${DIGEST}\n»`,
    ],
    [
      'a new name is found',
      'kustomize:f',
      `images:\n- name: app\n  newName: registry.example.com/team/app\n`,
      `images:\n- name: app\n  newName: registry.example.com/team/app\n«  digest: ${DIGEST}\n»`,
    ],
    [
      'the end of a file without a line break',
      'kustomize:f',
      `images:\n- name: registry.example.com/team/app`,
      `images:\n- name: registry.example.com/team/app«\n  digest: ${DIGEST}»`,
    ],
    [
      'CRLF',
      'kustomize:f',
      `images:\r\n- name: registry.example.com/team/app\r\nx: 1\r\n`,
      `images:\r\n- name: registry.example.com/team/app\r\n«  digest: ${DIGEST}\r\n»x: 1\r\n`,
    ],
    [
      'a flow mapping',
      'kustomize:f',
      `images: [ {name: registry.example.com/team/app, newTag: '1'} ]\n`,
      `images: [ {name: registry.example.com/team/app, newTag: '«1.5.0»'«, digest: ${DIGEST}»} ]\n`,
    ],
    [
      'JSON',
      'kustomize:f',
      `{"images": [\n  {\n    "name": "registry.example.com/team/app"\n  }\n]}\n`,
      `{"images": [\n  {\n    "name": "registry.example.com/team/app"«,\n    "digest": "${DIGEST}"»\n  }\n]}\n`,
    ],
  ]);
});

describe('manifest', () => {
  check([
    [
      'every container of the image, in all documents',
      'manifest:f',
      `kind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - {name: i, image: registry.example.com/team/app:0.1}\n      containers:\n      - name: a\n        image: "registry.example.com/team/app@${OLD}"\n      - name: b\n        image: registry.example.com/team/app-b:1\n---\nkind: List\nitems:\n- spec:\n    containers: [{image: 'registry.example.com/team/app'}]\n`,
      `kind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - {name: i, image: «${IMAGE}»}\n      containers:\n      - name: a\n        image: "«${IMAGE}»"\n      - name: b\n        image: registry.example.com/team/app-b:1\n---\nkind: List\nitems:\n- spec:\n    containers: [{image: '«${IMAGE}»'}]\n`,
    ],
    [
      'another name',
      'manifest:f#staging.example.com/app',
      `spec: {containers: [{image: staging.example.com/app:1}]}\n`,
      `spec: {containers: [{image: «${IMAGE}»}]}\n`,
    ],
  ]);

  test('a short name of Docker Hub is kept as it was written', async () => {
    const { text } = await edit('spec: {containers: [{image: nginx:1.27}]}\n', 'manifest:f', { image: `docker.io/library/nginx:1.28@${DIGEST}` });
    expect(text).toBe(`spec: {containers: [{image: nginx:1.28@${DIGEST}}]}\n`);
  });
});

describe('argocd', () => {
  const app = (source: string): string => `apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n${source}`;
  check(
    [
      [
        'targetRevision of a chart',
        'argocd:f',
        app('    chart: app\n    targetRevision: 1.4.0 # chart\n'),
        app('    chart: app\n    targetRevision: «1.5.0» # chart\n'),
      ],
      [
        'the one of several sources that has a chart',
        'argocd:f',
        'kind: Application\nspec:\n  sources:\n  - {repoURL: a, targetRevision: main}\n  - {chart: app, targetRevision: "1.4.0"}\n',
        'kind: Application\nspec:\n  sources:\n  - {repoURL: a, targetRevision: main}\n  - {chart: app, targetRevision: "«1.5.0»"}\n',
      ],
      [
        'Helm parameters',
        'argocd:f#image',
        app(
          `    helm:\n      parameters:\n      - {name: image.repository, value: registry.example.com/team/app}\n      - name: image.digest\n        value: ${OLD}\n      - name: replicas\n        value: "2"\n`,
        ),
        app(
          `    helm:\n      parameters:\n      - {name: image.repository, value: registry.example.com/team/app}\n      - name: image.digest\n        value: «${DIGEST}»\n      - name: replicas\n        value: "2"\n`,
        ),
      ],
      [
        'a parameter with all of it',
        'argocd:f#image',
        app(`    helm: {parameters: [{name: image, value: "registry.example.com/team/app:1"}]}\n`),
        app(`    helm: {parameters: [{name: image, value: "«${IMAGE}»"}]}\n`),
      ],
      [
        'valuesObject',
        'argocd:f#web.image',
        app(`    helm:\n      valuesObject:\n        web:\n          image: {tag: '1', digest: ''}\n`),
        app(`    helm:\n      valuesObject:\n        web:\n          image: {tag: '«1.5.0»', digest: '«${DIGEST}»'}\n`),
      ],
      [
        'kustomize images',
        'argocd:f',
        app(`    kustomize:\n      images:\n      - registry.example.com/team/app:1.4.0\n      - app=registry.example.com/team/app:1\n      - other:1\n`),
        app(`    kustomize:\n      images:\n      - «${IMAGE}»\n      - «app=${IMAGE}»\n      - other:1\n`),
      ],
      [
        'an ApplicationSet',
        'argocd:f',
        `kind: ApplicationSet\nspec: {template: {spec: {source: {chart: a, targetRevision: 1.4.0}}}}\n`,
        `kind: ApplicationSet\nspec: {template: {spec: {source: {chart: a, targetRevision: «1.5.0»}}}}\n`,
      ],
      [
        'a .argocd-source file',
        'argocd:f#image',
        `helm:\n  parameters:\n  - name: image.tag\n    value: 1.4.0\n    forcestring: true\n`,
        `helm:\n  parameters:\n  - name: image.tag\n    value: «1.5.0@${DIGEST}»\n    forcestring: true\n`,
      ],
    ],
    { chartVersion: '1.5.0' },
  );
});

describe('value', () => {
  check(
    [
      [
        'chart-version',
        'value:f#dependencies.0.version=chart-version',
        'dependencies:\n- name: app\n  version: ~1.4.0\n',
        'dependencies:\n- name: app\n  version: «2.0.0»\n',
      ],
      ['digest', 'value:f#d=digest', 'd: x\n', `d: «${DIGEST}»\n`],
      ['tag', 'value:f#d=tag', 'd: 1.10\n', 'd: «1.5.0»\n'],
      ['tag-digest', 'value:f#d=tag-digest', 'd: x\n', `d: «1.5.0@${DIGEST}»\n`],
      ['repository', 'value:f#d=repository', 'd: x\n', 'd: «registry.example.com/team/app»\n'],
      ['reference in a list', 'value:f#d.1=reference', 'd: [a, b]\n', `d: [a, «${IMAGE}»]\n`],
    ],
    { chartVersion: '2.0.0' },
  );

  test('several targets in one file, one of them twice', async () => {
    const { text, plan } = await edit('a: 1.4.0\nb: x\n', 'value:f#b=digest, value:f#a=tag\nvalue:f#b=digest');
    expect(text).toBe(`a: 1.5.0\nb: ${DIGEST}\n`);
    expect(plan.changes).toHaveLength(2);
  });
});
