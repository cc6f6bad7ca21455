// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { composeLayout, type ImageParts, type Layout } from '../artifact/write-layout.ts';
import type { TarFile } from '../artifact/write-tar.ts';
import { silentLogger } from '../log/log.ts';
import { sha256Digest } from '../reference/digest.ts';
import { type ContentSource, verifiedBlob } from '../registry/content.ts';
import type { Descriptor } from '../registry/oci.ts';
import { elfFile, goBinary } from './cataloguers/test-elf.ts';
import { catalogueImage } from './image.ts';
import type { ImageCatalogue } from './model.ts';

function sourceOf({ root, blobs }: Layout): ContentSource {
  const bytesOf = (digest: string): Buffer => blobs.get(digest) ?? Buffer.alloc(0);
  return {
    name: 'test image',
    root,
    manifest: async (digest) => ({
      descriptor: { ...root, digest, mediaType: JSON.parse(String(bytesOf(digest))).mediaType, size: bytesOf(digest).length },
      bytes: bytesOf(digest),
    }),
    blob: (descriptor: Descriptor) => verifiedBlob(slices(bytesOf(descriptor.digest)), descriptor, 'test blob'),
  };
}

async function* slices(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

async function catalogue(...layers: TarFile[][]): Promise<ImageCatalogue> {
  return only(await catalogueImage({ source: sourceOf(composeLayout([{ layers: layers.map((files) => ({ files })) }])), log: silentLogger }));
}

function only(catalogues: ImageCatalogue[]): ImageCatalogue {
  const [one] = catalogues;
  if (one === undefined || catalogues.length > 1) throw new Error(`${catalogues.length} catalogues`);
  return one;
}

function npm(folder: string, name: string, version = '1.0.0', extra: object = {}): TarFile {
  return { path: `${folder}/package.json`, content: JSON.stringify({ name, version, ...extra }) };
}

const OS_RELEASE: TarFile = { path: 'usr/lib/os-release', content: 'ID=debian\nVERSION_ID=12\n' };
const deb = (name: string): string => `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\n`;
const names = (one: ImageCatalogue): string[] => one.packages.map((found) => `${found.name}@${found.version}`);

describe('catalogueImage over layers', () => {
  it('removes what a whiteout removes, by base name only', async () => {
    const base = [
      npm('a/node_modules/ms', 'ms'),
      npm('a/node_modules/which', 'which'),
      npm('a/node_modules/x.wh.y', 'x.wh.y'),
      npm('b/node_modules/ms', 'ms', '2.0.0'),
    ];
    expect(names(await catalogue(base, [{ path: 'a/node_modules/.wh.ms', content: '' }]))).toEqual(['ms@2.0.0', 'which@1.0.0', 'x.wh.y@1.0.0']);
  });

  it('keeps what the layer of an opaque whiteout adds, before or after it', async () => {
    const opaque: TarFile = { path: 'a/node_modules/.wh..wh..opq', content: '' };
    const base = [npm('a/node_modules/old', 'old'), npm('a/node_modules/both', 'both')];
    const upper = [npm('a/node_modules/both', 'both', '2.0.0'), opaque, npm('a/node_modules/new', 'new')];
    expect(names(await catalogue(base, upper))).toEqual(['both@2.0.0', 'new@1.0.0']);
  });

  it.each<[string, TarFile[], string[]]>([
    ['a file in the place of a folder', [{ path: 'a/node_modules', content: 'x' }], ['c@1.0.0']],
    ['a link in the place of a folder', [{ path: 'a', type: 'symlink', target: 'c' }], ['c@1.0.0']],
    ['a folder in the place of a file', [{ path: 'a/node_modules/x/package.json', type: 'directory' }], ['c@1.0.0']],
    ['the same folder again', [{ path: 'a/node_modules', type: 'directory' }], ['c@1.0.0', 'x@1.0.0']],
    ['a whiteout of the whole tree and a new one', [{ path: '.wh.a', content: '' }, npm('a/node_modules/y', 'y')], ['c@1.0.0', 'y@1.0.0']],
    ['a root opaque whiteout', [{ path: '.wh..wh..opq', content: '' }], []],
    ['a whiteout of nothing', [{ path: 'zzz/.wh.nothing', content: '' }], ['c@1.0.0', 'x@1.0.0']],
  ])('%s', async (_, upper, expected) => {
    expect(names(await catalogue([npm('a/node_modules/x', 'x'), npm('c/node_modules/c', 'c')], upper))).toEqual(expected);
  });

  it('takes the newest dpkg status and says which layer holds a package', async () => {
    const status = (text: string): TarFile => ({ path: 'var/lib/dpkg/status', content: text });
    const one = await catalogue([OS_RELEASE, status(deb('a') + deb('gone'))], [status(deb('a') + deb('b'))]);
    expect(one.packages.map((found) => found.purl)).toEqual(['a', 'b'].map((name) => `pkg:deb/debian/${name}@1.0?arch=amd64&distro=debian-12`));
    expect(one).toMatchObject({ distribution: { id: 'debian', versionId: '12' }, layers: 2, unknowns: [] });
    expect(one.packages[0]?.locations).toEqual([{ path: 'var/lib/dpkg/status', layer: expect.stringMatching(/^sha256:/) }]);
  });

  it.each(['gzip', 'zstd', 'none'] as const)('reads layers with compression %s', async (compression) => {
    const layout = composeLayout([{ layers: [{ files: [npm('node_modules/a', 'a'), { path: 'big', content: Buffer.alloc(700_000, 'x') }], compression }] }]);
    expect(names(only(await catalogueImage({ source: sourceOf(layout), log: silentLogger })))).toEqual(['a@1.0.0']);
  });
});

describe('catalogueImage findings', () => {
  it('resolves npm edges as Node does, over folders above and links', async () => {
    const one = await catalogue([
      npm('app/node_modules/a', 'a', '1.0.0', { dependencies: { b: '*', '@s/c': '*', absent: '*' } }),
      npm('app/node_modules/a/node_modules/b', 'b', '1.0.0', { peerDependencies: { w: '*' } }),
      npm('app/node_modules/b', 'b', '2.0.0'),
      npm('app/node_modules/.pnpm/c@3/node_modules/@s/c', '@s/c', '3.0.0'),
      { path: 'app/node_modules/@s/c', type: 'symlink', target: '../.pnpm/c@3/node_modules/@s/c' },
      npm('app/packages/w', 'w', '0.1.0'),
      { path: 'app/node_modules/w', type: 'symlink', target: '../packages/w' },
      npm('app', 'root', '9.9.9'),
    ]);
    const edges = Object.fromEntries(one.packages.map((found) => [`${found.name}@${found.version}`, found.dependsOn]));
    expect(edges).toEqual({
      '@s/c@3.0.0': [],
      'a@1.0.0': ['pkg:npm/%40s/c@3.0.0', 'pkg:npm/b@1.0.0'],
      'b@1.0.0': ['pkg:npm/w@0.1.0'],
      'b@2.0.0': [],
      'w@0.1.0': [],
    });
    expect(one.unknowns).toEqual([]);
  });

  it('takes hashes from npm’s hidden lock when it speaks of the same version', async () => {
    const integrity = `sha512-${Buffer.alloc(64, 7).toString('base64')}`;
    const packages = { 'node_modules/a': { version: '1.0.0', integrity, dev: true }, 'node_modules/b': { version: '9.0.0', integrity } };
    const one = await catalogue([
      npm('app/node_modules/a', 'a'),
      npm('app/node_modules/b', 'b'),
      { path: 'app/node_modules/.package-lock.json', content: JSON.stringify({ packages }) },
    ]);
    expect(one.packages.map((found) => [found.hashes.length, found.properties])).toEqual([
      [1, { development: 'true' }],
      [0, {}],
    ]);
  });

  it('reads a hard-linked package.json, also when the target is named later', async () => {
    const target: TarFile = { path: 'store/00/abc', content: JSON.stringify({ name: 'late', version: '1.0.0' }) };
    expect(names(await catalogue([{ path: 'node_modules/late/package.json', type: 'link', target: 'store/00/abc' }, target]))).toEqual(['late@1.0.0']);
  });

  it('knows Go binaries, owned files and files inside npm packages, and counts the rest as unknown', async () => {
    const one = await catalogue([
      OS_RELEASE,
      { path: 'var/lib/dpkg/status', content: deb('tool') },
      { path: 'var/lib/dpkg/info/tool.list', content: '/.\n/usr/bin/owned\n/lib/libx.so\n/usr/lib/python3/dist-packages/p.dist-info/METADATA\n' },
      { path: 'usr/bin/owned', content: elfFile(300) },
      { path: 'usr/lib/libx.so', content: elfFile(300) },
      { path: 'usr/lib/python3/dist-packages/p.dist-info/METADATA', content: 'Name: p' },
      { path: 'opt/q.dist-info/METADATA', content: 'Name: q' },
      npm('node_modules/native', 'native'),
      { path: 'node_modules/native/build/native.node', content: elfFile(300) },
      { path: 'usr/local/bin/app', content: goBinary('go1.22.1', 'mod\texample.com/app\tv1.0.0\t\ndep\texample.com/dep\tv2.0.0\t\n', 64) },
      { path: 'usr/local/bin/stray', content: elfFile(300) },
      { path: 'usr/local/lib/object.o', content: Buffer.concat([elfFile(16), Buffer.from([1, 0]), Buffer.alloc(100)]) },
    ]);
    expect(names(one)).toEqual(['tool@1.0', 'example.com/app@v1.0.0', 'example.com/dep@v2.0.0', 'stdlib@1.22.1', 'native@1.0.0']);
    expect(one.unknowns).toEqual([
      { path: 'opt/q.dist-info/METADATA', reason: 'Python package: not read' },
      { path: 'usr/local/bin/stray', reason: expect.stringContaining('no known package') },
    ]);
  });

  const unknown: [string, TarFile, string][] = [
    ['an rpm database', { path: 'usr/lib/sysimage/rpm/rpmdb.sqlite', content: 'x' }, 'rpm database'],
    ['broken JSON of an installed package', { path: 'node_modules/a/package.json', content: '{' }, 'cannot be read: SyntaxError'],
    ['an installed package without version', { path: 'node_modules/a/package.json', content: '{"name":"a"}' }, 'without a valid name'],
    ['a package.json over its budget', { path: 'node_modules/a/package.json', content: Buffer.alloc(1024 * 1024 + 1, ' ') }, 'only 1048576 are read'],
    ['a dpkg status that is a link', { path: 'var/lib/dpkg/status', type: 'symlink', target: '/etc/passwd' }, 'not followed'],
    ['a dangling package link', { path: 'node_modules/a', type: 'symlink', target: '../nowhere' }, 'without a package.json'],
    ['a path that leaves the root', { path: '../../etc/passwd', content: 'x' }, 'leaves the root'],
    ['a damaged dpkg entry', { path: 'var/lib/dpkg/status', content: 'Package: a\n' }, 'without a valid package name'],
    ['a Go binary without modules', { path: 'bin/x', content: goBinary('go1.22.1', 'path\tcommand-line-arguments\n', 64) }, 'names no modules'],
    ['a UPX-packed program', { path: 'bin/x', content: Buffer.concat([elfFile(64), Buffer.from('UPX!')]) }, 'UPX'],
  ];
  it.each(unknown)('is not complete with %s', async (_, file, reason) => {
    const one = await catalogue([OS_RELEASE, file]);
    expect(one.unknowns.map((found) => found.reason)).toEqual([expect.stringContaining(reason)]);
    expect(one.packages.filter((found) => found.name !== 'stdlib')).toEqual([]);
  });
});

describe('catalogueImage platforms', () => {
  const image = (architecture: string, name: string): ImageParts => ({
    platform: { os: 'linux', architecture },
    layers: [{ files: [npm('node_modules/x', name)] }],
  });
  const multi = composeLayout([image('amd64', 'on-amd'), image('arm64', 'on-arm')]);

  it('gives one catalogue a platform, and only the one that is asked for', async () => {
    const all = await catalogueImage({ source: sourceOf(multi), log: silentLogger });
    expect(all.map((one) => [one.platform?.architecture, ...names(one)])).toEqual([
      ['amd64', 'on-amd@1.0.0'],
      ['arm64', 'on-arm@1.0.0'],
    ]);
    expect(names(only(await catalogueImage({ source: sourceOf(multi), platform: 'linux/arm64', log: silentLogger })))).toEqual(['on-arm@1.0.0']);
  });

  it.each([
    ['an index', multi],
    ['an image', composeLayout([image('amd64', 'x')])],
  ])('refuses a platform that %s does not have', async (_, layout) => {
    await expect(catalogueImage({ source: sourceOf(layout), platform: 'linux/s390x', log: silentLogger })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    });
  });
});

describe('catalogueImage refuses', () => {
  const files = [npm('node_modules/x', 'x'), npm('node_modules/y', 'y')];
  const build = (edit: (config: { rootfs: { diff_ids: string[] } }) => void): Layout => {
    const layout = composeLayout([{ layers: [{ files }] }]);
    const manifest = JSON.parse(String(layout.blobs.get(layout.root.digest)));
    const config = JSON.parse(String(layout.blobs.get(manifest.config.digest)));
    edit(config);
    const bytes = Buffer.from(JSON.stringify(config));
    const changed = Buffer.from(JSON.stringify({ ...manifest, config: { ...manifest.config, digest: sha256Digest(bytes), size: bytes.length } }));
    layout.blobs.set(sha256Digest(bytes), bytes).set(sha256Digest(changed), changed);
    return { root: { ...layout.root, digest: sha256Digest(changed) }, blobs: layout.blobs };
  };

  it('a layer that is not what the config says', async () => {
    const layout = build((config) => config.rootfs.diff_ids.fill(sha256Digest('other')));
    await expect(catalogueImage({ source: sourceOf(layout), log: silentLogger })).rejects.toMatchObject({ kind: 'denied', code: 'DIFF_ID_MISMATCH' });
  });

  it('a config with another number of layers', async () => {
    const layout = build((config) => config.rootfs.diff_ids.pop());
    await expect(catalogueImage({ source: sourceOf(layout), log: silentLogger })).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  });

  it.each([
    ['more entries', { entries: 1 }],
    ['more bytes', { unpackedBytes: 1000 }],
    ['more package files', { findings: 1 }],
  ])('%s than the limit', async (_, limits) => {
    await expect(catalogueImage({ source: sourceOf(composeLayout([{ layers: [{ files }] }])), log: silentLogger, limits })).rejects.toMatchObject({
      code: 'IMAGE_OVER_LIMIT',
    });
  });

  it('to go on when time is up', async () => {
    const signal = AbortSignal.abort();
    await expect(catalogueImage({ source: sourceOf(composeLayout([{ layers: [{ files }] }])), log: silentLogger, signal })).rejects.toMatchObject({
      kind: 'transient',
      code: 'ABORTED',
    });
  });

  it('a layer whose bytes were changed', async () => {
    const layout = composeLayout([{ layers: [{ files }] }]);
    const [layer] = [...layout.blobs.keys()];
    const bytes = layout.blobs.get(layer ?? '') ?? Buffer.alloc(0);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await expect(catalogueImage({ source: sourceOf(layout), log: silentLogger })).rejects.toMatchObject({
      code: expect.stringMatching(/DIGEST_MISMATCH|LAYER_CORRUPT/),
    });
  });

  it('nothing of a layer that is no tar, but says that it was not read', async () => {
    const layout = composeLayout([{ layers: [{ files }] }]);
    const manifest = JSON.parse(String(layout.blobs.get(layout.root.digest)));
    manifest.layers[0].mediaType = 'application/vnd.example.model';
    const bytes = Buffer.from(JSON.stringify(manifest));
    layout.blobs.set(sha256Digest(bytes), bytes);
    const one = only(
      await catalogueImage({ source: sourceOf({ root: { ...layout.root, digest: sha256Digest(bytes) }, blobs: layout.blobs }), log: silentLogger }),
    );
    expect(one).toMatchObject({ packages: [], unknowns: [{ reason: 'layer of type application/vnd.example.model: not read' }] });
  });
});
