// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Digest } from '../reference/digest.ts';
import type { ContentSource } from '../registry/content.ts';
import { type ImageManifest, parseManifest } from '../registry/oci.ts';
import { openArtifact } from './open-artifact.ts';
import { composeLayout, layoutFiles, ociArchive, writeLayout } from './write-layout.ts';
import { type TarFile, writeTar } from './write-tar.ts';

const layout = composeLayout([{ layers: [{ files: [{ path: 'a', content: 'A' }] }, { files: [{ path: 'b', content: 'B' }], compression: 'none' }] }]);
const other = composeLayout([{ layers: [{ files: [{ path: 'c', content: 'C' }] }] }]);
const layerTar = writeTar([{ path: 'app/x', content: 'x'.repeat(5000) }]);
const config = JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [sha256Digest(layerTar)] } });

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'artifact-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function file(name: string, content: Buffer): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, content);
  return path;
}

async function readAll(source: ContentSource): Promise<{ manifest: ImageManifest; layers: Buffer[] }> {
  const { bytes, descriptor } = await source.manifest(source.root.digest);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind !== 'manifest') throw new Error('not an image');
  const layers: Buffer[] = [];
  for (const layer of [manifest.config, ...manifest.layers]) {
    const chunks: Buffer[] = [];
    for await (const chunk of source.blob(layer)) chunks.push(chunk);
    layers.push(Buffer.concat(chunks));
  }
  return { manifest, layers };
}

function dockerArchive(entries: TarFile[], layers: string[] = ['abc/layer.tar']): Buffer {
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: ['app:1'], Layers: layers }]);
  return writeTar([{ path: 'config.json', content: config }, ...entries, { path: 'manifest.json', content: manifest }]);
}

function indexOf(count: number): Buffer {
  const files = layoutFiles(layout);
  const manifests = [layout.root, other.root].slice(0, count);
  const tar = new Map([...files, ...[...other.blobs].map(([digest, bytes]) => [`blobs/${digest.replace(':', '/')}`, bytes] as const)]);
  tar.set('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
  return writeTar([...tar].map(([path, content]) => ({ path, content })));
}

describe('openArtifact', () => {
  it('reads the same bytes from a folder, a tar and a gzip-compressed tar', async () => {
    await writeLayout(join(dir, 'layout'), layout);
    const paths = [join(dir, 'layout'), await file('a.tar', ociArchive(layout)), await file('a.tar.gz', gzipSync(ociArchive(layout)))];
    for (const path of paths) {
      const source = await openArtifact(path);
      expect(source.root.digest).toBe(layout.root.digest);
      const { layers, manifest } = await readAll(source);
      expect(layers.map(sha256Digest)).toEqual([manifest.config, ...manifest.layers].map((one) => one.digest));
    }
  });

  it('composes one manifest for a docker archive, the same from plain and gzip', async () => {
    const tar = dockerArchive([{ path: 'abc/layer.tar', content: layerTar }]);
    const plain = await openArtifact(await file('docker.tar', tar));
    const packed = await openArtifact(await file('docker.tgz', gzipSync(tar)));
    expect(packed.root).toEqual(plain.root);
    const { manifest, layers } = await readAll(plain);
    expect(layers).toEqual([Buffer.from(config), layerTar]);
    expect(manifest.layers[0]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar');
    expect((await readAll(packed)).layers).toEqual(layers);
  });

  it.each<[string, TarFile]>([
    ['a symbolic link', { path: 'def/layer.tar', type: 'symlink', target: '../abc/layer.tar' }],
    ['a hard link', { path: 'def/layer.tar', type: 'link', target: 'abc/layer.tar' }],
  ])('follows %s to a layer of a docker archive', async (_, link) => {
    const tar = dockerArchive([{ path: 'abc/layer.tar', content: gzipSync(layerTar) }, link], ['abc/layer.tar', 'def/layer.tar']);
    const { manifest, layers } = await readAll(await openArtifact(await file('links.tar', tar)));
    expect(manifest.layers[0]).toEqual(manifest.layers[1]);
    expect(manifest.layers[0]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+gzip');
    expect(layers[2]).toEqual(gzipSync(layerTar));
  });

  it('reads the files of a compressed archive in any order, a broken-off read in between', async () => {
    const source = await openArtifact(await file('order.tar.gz', gzipSync(ociArchive(layout))));
    const { manifest, layers } = await readAll(source);
    const blobs = [manifest.config, ...manifest.layers];
    const first = source.blob(blobs[1] ?? manifest.config)[Symbol.asyncIterator]();
    await first.next();
    await first.return?.();
    for (const [number, blob] of [...blobs.entries()].reverse()) {
      const chunks: Buffer[] = [];
      for await (const chunk of source.blob(blob)) chunks.push(chunk);
      expect(Buffer.concat(chunks)).toEqual(layers[number]);
    }
  });

  it('takes the OCI index of a docker archive that has both', async () => {
    const both = writeTar([...[...layoutFiles(layout)].map(([path, content]) => ({ path, content })), { path: 'manifest.json', content: '[]' }]);
    expect((await openArtifact(await file('both.tar', both))).root.digest).toBe(layout.root.digest);
  });

  it('chooses by digest among several entries and names them when none is given', async () => {
    const path = await file('two.tar', indexOf(2));
    expect((await openArtifact(path, { digest: other.root.digest })).root.digest).toBe(other.root.digest);
    await expect(openArtifact(path)).rejects.toMatchObject({ code: 'LAYOUT_AMBIGUOUS', message: expect.stringContaining(other.root.digest) });
    await expect(openArtifact(path, { digest: sha256Digest('no') })).rejects.toMatchObject({ code: 'LAYOUT_DIGEST_UNKNOWN' });
  });

  it('finds a manifest inside a listed index by its digest', async () => {
    const multi = composeLayout([
      { platform: { os: 'linux', architecture: 'amd64' }, layers: [{ files: [{ path: 'a', content: '1' }] }] },
      { platform: { os: 'linux', architecture: 'arm64' }, layers: [{ files: [{ path: 'a', content: '2' }] }] },
    ]);
    const path = await file('multi.tar', ociArchive(multi));
    const index = parseManifest((await (await openArtifact(path)).manifest(multi.root.digest)).bytes, undefined);
    const child = index.kind === 'index' ? index.manifests[1] : undefined;
    expect((await openArtifact(path, { digest: child?.digest })).root).toMatchObject({ digest: child?.digest, mediaType: child?.mediaType });
  });

  it('refuses a blob whose bytes are not its digest', async () => {
    const files = layoutFiles(layout);
    const [layer] = [...layout.blobs.keys()];
    files.set(`blobs/${layer?.replace(':', '/')}`, Buffer.from(layout.blobs.get(layer ?? '') ?? []).fill(0, 12, 13));
    const source = await openArtifact(await file('forged.tar', writeTar([...files].map(([path, content]) => ({ path, content })))));
    await expect(readAll(source)).rejects.toMatchObject({ kind: 'denied', code: 'DIGEST_MISMATCH' });
  });

  const good = ociArchive(layout);
  const refused: [string, string, Buffer][] = [
    ['a tar cut in the middle', 'ARCHIVE_TRUNCATED', good.subarray(0, 1700)],
    ['a tar cut before its end block', 'ARCHIVE_TRUNCATED', good.subarray(0, -1024)],
    ['an empty file', 'ARCHIVE_TRUNCATED', Buffer.alloc(0)],
    ['a gzip cut in the middle', 'ARCHIVE_TRUNCATED', gzipSync(good).subarray(0, 300)],
    ['bytes that are no tar', 'ARCHIVE_CORRUPT', Buffer.alloc(4096, 'no tar here')],
    ['a name that leaves the archive', 'ARCHIVE_HOSTILE', writeTar([{ path: 'blobs/../../etc/passwd', content: 'x' }])],
    ['a link that leaves the archive', 'ARCHIVE_HOSTILE', writeTar([{ path: 'a/layer.tar', type: 'symlink', target: '../../etc/passwd' }])],
    [
      'two entries of one name',
      'ARCHIVE_HOSTILE',
      writeTar([
        { path: 'index.json', content: '1' },
        { path: './index.json', content: '2' },
      ]),
    ],
    ['a tar that is no image', 'ARCHIVE_INVALID', writeTar([{ path: 'readme', content: 'x' }])],
    ['a docker archive without its layer', 'ARCHIVE_INVALID', dockerArchive([])],
    ['a docker archive whose layer link is a circle', 'ARCHIVE_INVALID', dockerArchive([{ path: 'abc/layer.tar', type: 'symlink', target: 'layer.tar' }])],
    ['a layout without its oci-layout file', 'LAYOUT_INVALID', writeTar([{ path: 'index.json', content: '{}' }])],
    [
      'an archive of several images',
      'ARCHIVE_AMBIGUOUS',
      writeTar([{ path: 'manifest.json', content: JSON.stringify([1, 2].map(() => ({ Config: 'c', RepoTags: ['app:1'], Layers: [] }))) }]),
    ],
  ];
  it.each(refused)('refuses %s', async (name, code, bytes) => {
    const path = await file(`${name.replaceAll(' ', '-')}.tar`, bytes);
    await expect(openArtifact(path)).rejects.toMatchObject({ kind: 'input', code, message: expect.stringContaining(path) });
  });

  it('says so when there is nothing at the path', async () => {
    await expect(openArtifact(join(dir, 'absent'))).rejects.toMatchObject({ kind: 'input', code: 'INPUT_UNREADABLE' });
  });
});
