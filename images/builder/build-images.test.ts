// SPDX-License-Identifier: Apache-2.0
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openArtifact } from '../../lib/artifact/open-artifact.ts';
import { ARCHITECTURES } from './base.ts';
import { type BuildOptions, buildImages } from './build-images.ts';
import { manifestOf } from './built-image.ts';
import { engineArchive } from './engine-archive.ts';
import { digestsJson, writeLayoutFolder } from './layout-folder.ts';
import { smallBase } from './test-base.ts';

const DOCKERFILE = `ARG BASE_IMAGE
FROM \${BASE_IMAGE}
ARG VERSION=0
LABEL org.opencontainers.image.title="NAME" org.opencontainers.image.version="\${VERSION}" other=x
COPY dist/NAME.cjs /app/step.cjs
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node"]
`;

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'images-'));
  for (const name of ['beta', 'alpha']) {
    put(`images/${name}/Dockerfile`, DOCKERFILE.replaceAll('NAME', name));
    put(`dist/${name}.cjs`, name);
  }
  put('images/base/no-dockerfile.ts', '');
});
afterEach(() => rmSync(project, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

function build(options: Partial<BuildOptions> = {}) {
  return buildImages({ project, base: smallBase(), architectures: ARCHITECTURES, version: '1.2.3', epoch: 0, ...options });
}

type Json = Record<string, unknown>;
function read(image: Awaited<ReturnType<typeof build>>[number], digest: string | undefined): Json {
  return JSON.parse(image.layout.blobs.get(digest ?? '')?.toString() ?? '') as Json;
}

describe('buildImages', () => {
  test('puts the recipe over the config of the base, for each architecture', async () => {
    const [alpha, beta] = await build({ revision: 'abc' });
    expect([alpha?.name, beta?.name]).toEqual(['alpha', 'beta']);
    if (alpha === undefined) throw new Error('no image');
    const base = smallBase();
    for (const architecture of ARCHITECTURES) {
      const found = manifestOf(alpha, architecture);
      expect(found?.manifest.layers.slice(0, 2).map(({ size }) => size)).toEqual(base.images.get(architecture)?.layers.map(({ bytes }) => bytes.length));
      expect(found?.manifest.layers).toHaveLength(3);
      expect(found?.manifest.annotations).toEqual({
        'org.opencontainers.image.title': 'alpha',
        'org.opencontainers.image.version': '1.2.3',
        'org.opencontainers.image.revision': 'abc',
        'org.opencontainers.image.base.digest': base.images.get(architecture)?.digest,
      });
      const config = read(alpha, found?.manifest.config.digest);
      expect(config).toMatchObject({ created: '1970-01-01T00:00:00Z', architecture, os: 'linux' });
      expect(config['config']).toEqual({
        Env: ['PATH=/bin'],
        WorkingDir: '/home/nonroot',
        User: '65532:65532',
        Entrypoint: ['/nodejs/bin/node'],
        Labels: { kept: 'yes', 'org.opencontainers.image.title': 'alpha', 'org.opencontainers.image.version': '1.2.3', other: 'x' },
      });
      const history = config['history'] as Json[];
      expect(history.filter((entry) => entry['empty_layer'] !== true)).toHaveLength(3);
    }
    expect(read(alpha, alpha.layout.root.digest)['annotations']).toMatchObject({ 'org.opencontainers.image.revision': 'abc' });
  });

  test('a base whose history does not fit its layers gets one that does', async () => {
    const base = smallBase();
    for (const image of base.images.values()) image.history = [];
    const [image] = await build({ base });
    const config = image && read(image, manifestOf(image, 'arm64')?.manifest.config.digest);
    const history = (config?.['history'] ?? []) as Json[];
    expect(history.filter((entry) => entry['empty_layer'] !== true)).toHaveLength(3);
  });

  test('gives the same digests for the same files, in another place and with other times', async () => {
    const first = digestsJson(await build());
    const elsewhere = mkdtempSync(join(tmpdir(), 'elsewhere-'));
    cpSync(project, elsewhere, { recursive: true });
    utimesSync(join(elsewhere, 'dist/alpha.cjs'), 1, 1);
    expect(digestsJson(await build({ project: elsewhere }))).toBe(first);
    rmSync(elsewhere, { recursive: true });
    put('dist/beta.cjs', 'changed');
    const [before, after] = [JSON.parse(first), JSON.parse(digestsJson(await build()))] as [Json, Json];
    expect([after['alpha'] === before['alpha'], after['beta'] === before['beta']]).toEqual([true, false]);
    expect(digestsJson(await build({ epoch: 1 }))).not.toBe(first);
  });

  test('copies for each architecture what its TARGETARCH says, and shares the other layers', async () => {
    for (const architecture of ARCHITECTURES) put(`dist/${architecture}/program`, architecture);
    put(
      'images/alpha/Dockerfile',
      DOCKERFILE.replaceAll('NAME', 'alpha').replace('COPY', `ARG TARGETARCH\nCOPY dist/\${TARGETARCH}/ /app/\${TARGETARCH}/\nCOPY`),
    );
    const [image] = await build({ names: ['alpha'] });
    const [own, other] = ARCHITECTURES.map((architecture) => (image && manifestOf(image, architecture)?.manifest.layers.slice(2)) ?? []);
    expect([own?.length, other?.length]).toEqual([2, 2]);
    expect(own?.[0]).not.toEqual(other?.[0]);
    expect(own?.[1]).toEqual(other?.[1]);
  });

  test('refuses a name without Dockerfile and lists those with one', async () => {
    await expect(build({ names: ['alpha', 'gamma'] })).rejects.toThrow(
      expect.objectContaining({ code: 'IMAGE_UNKNOWN', message: expect.stringContaining('gamma'), hint: 'the images are alpha, beta' }),
    );
  });

  test('refuses a Dockerfile with a base of its own', async () => {
    put('images/alpha/Dockerfile', DOCKERFILE.replaceAll('NAME', 'alpha').replace(`FROM \${BASE_IMAGE}`, 'FROM scratch'));
    await expect(build()).rejects.toThrow(expect.objectContaining({ code: 'BASE_NOT_OPEN' }));
  });

  test('says which bundle is missing', async () => {
    rmSync(join(project, 'dist/beta.cjs'));
    await expect(build()).rejects.toThrow(expect.objectContaining({ code: 'COPY_SOURCE_MISSING', hint: expect.stringContaining('npm run build') }));
    await expect(build({ names: ['alpha'] })).resolves.toHaveLength(1);
  });

  test('refuses a base without one of the architectures', async () => {
    const { images } = smallBase();
    const base = { name: 'r.example.com/node@sha256:0', images: new Map([...images].filter(([architecture]) => architecture === 'amd64')) };
    await expect(build({ base })).rejects.toThrow(expect.objectContaining({ code: 'BASE_PLATFORM_MISSING', message: expect.stringContaining('linux/arm64') }));
    const [image] = await build({ base, architectures: ['amd64'] });
    expect(image && manifestOf(image, 'amd64')?.manifest.annotations?.['org.opencontainers.image.base.name']).toBe(base.name);
  });
});

describe('writeLayoutFolder', () => {
  test('holds each image under its name, shares blobs, and is the same after another build', async () => {
    const [folder, images] = [join(project, 'out'), await build()];
    await writeLayoutFolder(folder, images);
    const [index, blobs] = [readFileSync(join(folder, 'index.json'), 'utf8'), readdirSync(join(folder, 'blobs/sha256'))];
    for (const { layout } of images) {
      const source = await openArtifact(folder, { digest: layout.root.digest });
      expect(source.root.digest).toBe(layout.root.digest);
    }
    expect((JSON.parse(index) as { manifests: { annotations: Json }[] }).manifests.map(({ annotations }) => annotations)).toEqual(
      ['alpha:1.2.3', 'beta:1.2.3'].map((name) => ({ 'org.opencontainers.image.ref.name': name })),
    );
    // 4 layers of the base, and of each image its own layer, index, and config and manifest for two architectures.
    expect(blobs).toHaveLength(4 + 2 * 6);
    writeFileSync(join(folder, 'blobs/sha256', blobs[0] ?? ''), 'damaged');
    writeFileSync(join(folder, 'blobs/sha256', 'f'.repeat(64)), 'of an earlier build');
    await writeLayoutFolder(folder, await build());
    expect(readFileSync(join(folder, 'index.json'), 'utf8')).toBe(index);
    expect(readdirSync(join(folder, 'blobs/sha256'))).toEqual(blobs);
    expect(readFileSync(join(folder, 'blobs/sha256', blobs[0] ?? ''), 'utf8')).not.toBe('damaged');
  });
});

describe('engineArchive', () => {
  test('is a docker archive and an OCI archive at once', async () => {
    const [image] = await build({ names: ['alpha'] });
    if (image === undefined) throw new Error('no image');
    const file = join(project, 'alpha.tar');
    writeFileSync(file, engineArchive([image], { architecture: 'arm64', repository: 'r.example.com/suite' }));
    const source = await openArtifact(file);
    expect(source.root.digest).toBe(manifestOf(image, 'arm64')?.digest);
    const { manifest } = manifestOf(image, 'arm64') ?? {};
    const text = readFileSync(file, 'latin1');
    const entry = { Config: manifest?.config.digest.replace('sha256:', 'blobs/sha256/'), RepoTags: ['r.example.com/suite/alpha:1.2.3'] };
    expect(text).toContain(JSON.stringify(entry).slice(1, -1));
  });

  test('refuses an architecture that an image does not have', async () => {
    const images = await build({ architectures: ['amd64'] });
    expect(() => engineArchive(images, { architecture: 'arm64', repository: 'r' })).toThrow(expect.objectContaining({ code: 'PLATFORM_NOT_FOUND' }));
  });
});
