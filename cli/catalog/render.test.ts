// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { parseDigests, renderManifest } from './render.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const digests = new Map([
  ['sign', A],
  ['log', B],
]);

const MANIFESTS = `# image: ghcr.io/acme/sign:1.0.0 in a comment stays
apiVersion: tekton.dev/v1
kind: Task
spec:
  description: 'image: ghcr.io/acme/sign:1.0.0 in a text stays'
  params:
    - {name: image, default: "ghcr.io/acme/sign:1.0.0"}
  steps:
    - name: sign   # two spaces and a comment
      image: ghcr.io/acme/sign:1.0.0 # the signer
      env: [{name: IMAGE, value: "ghcr.io/acme/sign:1.0.0"}]
    - {name: log, image: "ghcr.io/acme/log:1.0.0"}
    - name: third
      image: 'registry.example.com:5000/other@${A}'
---
apiVersion: tekton.dev/v1beta1
kind: StepAction
spec:
    image:   ghcr.io/acme/log:1.0.0
`;

describe('rendering', () => {
  test('pins the image of each step and keeps every other byte', () => {
    const expected = MANIFESTS.replace('image: ghcr.io/acme/sign:1.0.0 # the', `image: ghcr.io/acme/sign:1.0.0@${A} # the`)
      .replace('image: "ghcr.io/acme/log:1.0.0"', `image: "ghcr.io/acme/log:1.0.0@${B}"`)
      .replace('image:   ghcr.io/acme/log:1.0.0', `image:   ghcr.io/acme/log:1.0.0@${B}`);
    expect(expected).not.toBe(MANIFESTS);
    expect(renderManifest(MANIFESTS, 'a.yaml', { digests })).toBe(expected);
  });

  test('is done once: a rendered manifest stays as it is', () => {
    const once = renderManifest(MANIFESTS, 'a.yaml', { digests });
    expect(renderManifest(once, 'a.yaml', { digests: new Map() })).toBe(once);
  });

  test('keeps Windows line ends', () => {
    const text = 'spec:\r\n  steps:\r\n    - image: ghcr.io/acme/log:1.0.0\r\n';
    expect(renderManifest(text, 'a.yaml', { digests })).toBe(`spec:\r\n  steps:\r\n    - image: ghcr.io/acme/log:1.0.0@${B}\r\n`);
  });

  test('puts another repository in place', () => {
    const text = 'spec:\n  steps:\n    - image: ghcr.io/acme/log:1.0.0\n';
    expect(renderManifest(text, 'a.yaml', { digests, repository: 'mirror.example.com:5000/tools' })).toBe(
      `spec:\n  steps:\n    - image: mirror.example.com:5000/tools/log:1.0.0@${B}\n`,
    );
  });

  test('leaves a manifest without images alone', () => {
    const text = 'kind: Pipeline\nspec: {tasks: []}\n';
    expect(renderManifest(text, 'a.yaml', { digests: new Map() })).toBe(text);
  });
});

describe('refuses', () => {
  test('images without a digest, all of them by name', () => {
    const text = 'spec:\n  steps:\n    - image: ghcr.io/acme/weigh:1.0.0\n    - image: ghcr.io/acme/sign:1.0.0\n    - image: ghcr.io/acme/count:1.0.0\n';
    expect(() => renderManifest(text, 'task/x.yaml', { digests })).toThrow(
      expect.objectContaining({
        kind: 'input',
        code: 'IMAGE_UNPINNED',
        message: 'task/x.yaml: there is no digest for ghcr.io/acme/weigh:1.0.0, ghcr.io/acme/count:1.0.0',
      }),
    );
  });

  test.each(['ghcr.io/acme/sign', 'sign:1.0.0', 'ghcr.io/acme/sign:$(params.version)'])('the image %s, which cannot be pinned', (image) => {
    expect(() => renderManifest(`spec:\n  steps:\n    - image: ${image}\n`, 'a.yaml', { digests })).toThrow(
      expect.objectContaining({ code: 'IMAGE_UNPINNED' }),
    );
  });

  test('what is no YAML', () => {
    expect(() => renderManifest('spec: [', 'a.yaml', { digests })).toThrow(expect.objectContaining({ kind: 'input', code: 'MANIFEST_INVALID' }));
  });

  test.each(['https://mirror.example.com', 'mirror.example.com/', 'mirror.example.com/a b', ''])('the repository "%s"', (repository) => {
    expect(() => renderManifest(MANIFESTS, 'a.yaml', { digests, repository })).toThrow(expect.objectContaining({ code: 'REPOSITORY_INVALID' }));
  });
});

describe('the file with digests', () => {
  test('is a JSON object', () => {
    expect(parseDigests(`{"sign": "${A}", "log": "${B}"}`)).toEqual(digests);
  });

  test.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['a short digest', '{"sign": "sha256:abc"}'],
    ['a number', '{"sign": 1}'],
  ])('is refused when it is %s', (_what, json) => {
    expect(() => parseDigests(json)).toThrow(expect.objectContaining({ kind: 'input', code: 'DIGESTS_INVALID' }));
  });

  test('is refused with the name of each bad entry', () => {
    expect(() => parseDigests(`{"sign": "latest", "log": "${B}", "count": ""}`)).toThrow(/sign: must be sha256.*\n.*count: must be sha256/);
  });
});
