// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firstContainer, type Manifest, parseManifests, readManifests, setData, withChange, withImages } from './manifests.ts';

const CONTROLLER = 'ko://example.com/cmd/controller';
const SHELL = 'registry.example.com/busybox@sha256:11';
const references = { [CONTROLLER]: '172.31.255.1:5000/peers/controller@sha256:aa', [SHELL]: '172.31.255.1:5000/peers/shell@sha256:bb' };

function deployment(container: object): Manifest {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'controller' }, spec: { template: { spec: { containers: [container] } } } };
}

const shipped = { name: 'controller', image: CONTROLLER, args: ['-shell-image', SHELL, '-port', '8080'], imagePullPolicy: 'Always' };

describe('withImages', () => {
  test('replaces images in fields and in arguments, and nothing else', () => {
    const [changed] = withImages([deployment(shipped)], references) as [Manifest];
    expect(firstContainer(changed)).toEqual({
      name: 'controller',
      image: references[CONTROLLER],
      args: ['-shell-image', references[SHELL], '-port', '8080'],
      imagePullPolicy: 'IfNotPresent',
    });
  });

  test('does not touch what it was given', () => {
    const original = deployment(shipped);
    withImages([original], references);
    expect(original).toEqual(deployment(shipped));
  });

  test('leaves objects without pods alone, whatever their fields are named', () => {
    const crd = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'x' }, spec: { image: 'type: string' } };
    expect(withImages([deployment(shipped), crd], references)[1]).toBe(crd);
  });

  test.each<[string, object, string]>([
    ['a ko reference in an argument', { ...shipped, args: [SHELL, '-nop-image', 'ko://example.com/cmd/nop'] }, 'ko://example.com/cmd/nop'],
    ['an image of another registry', { ...shipped, image: 'other.example.com/x:1' }, 'other.example.com/x:1'],
    ['a name that every object has', { ...shipped, image: 'constructor' }, 'constructor'],
  ])('refuses %s', (_, container, image) => {
    expect(() => withImages([deployment(container)], references)).toThrow(
      expect.objectContaining({ code: 'IMAGE_UNKNOWN', message: expect.stringContaining(image) }),
    );
  });

  test('refuses an image that no manifest wants', () => {
    const wanted = () => withImages([deployment({ ...shipped, args: [] })], references);
    expect(wanted).toThrow(expect.objectContaining({ code: 'IMAGE_UNUSED', message: expect.stringContaining(SHELL) }));
  });
});

describe('withChange', () => {
  const flags = (data?: Record<string, string>): Manifest => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'feature-flags' },
    ...(data && { data }),
  });

  test.each<[string, Record<string, string> | undefined, Record<string, string>]>([
    ['beside others', { coschedule: 'workspaces', 'set-security-context': 'false' }, { coschedule: 'workspaces', 'set-security-context': 'true' }],
    ['where there are none', undefined, { 'set-security-context': 'true' }],
  ])('sets an entry %s', (_, before, after) => {
    const original = flags(before);
    const [changed] = withChange([original], 'ConfigMap', 'feature-flags', (map) => setData(map, { 'set-security-context': 'true' }));
    expect(changed?.['data']).toEqual(after);
    expect(original).toEqual(flags(before));
  });

  test.each([
    ['Secret', 'feature-flags'],
    ['ConfigMap', 'feature-flag'],
  ])('refuses a %s %s that is not shipped', (kind, name) => {
    expect(() => withChange([flags()], kind, name, () => undefined)).toThrow(expect.objectContaining({ code: 'MANIFEST_MISSING' }));
  });
});

describe('reading', () => {
  test('takes YAML files of the folder in order of their names, and every document of each', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'manifests-'));
    await writeFile(join(folder, '200-b.yaml'), 'kind: B\n---\n# nothing\n---\nkind: C\n');
    await writeFile(join(folder, '100-a.yaml'), 'kind: A\n');
    await writeFile(join(folder, 'notes.md'), 'kind: D\n');
    const kinds = async (...wanted: Parameters<typeof readManifests>) => (await readManifests(...wanted)).map(({ kind }) => kind);
    expect(await kinds(folder)).toEqual(['A', 'B', 'C']);
    expect(await kinds(folder, (file) => file.startsWith('2'))).toEqual(['B', 'C']);
  });

  test('an empty text has no objects', () => {
    expect(parseManifests('# nothing\n')).toEqual([]);
  });
});
