// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { composeLayout, type Layout, layoutFiles, ociArchive, writeLayout } from '../../lib/artifact/write-layout.ts';
import { writeTar } from '../../lib/artifact/write-tar.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { spec } from '../../tasks/sbom-generate/spec.ts';
import { type Bench, imageParts, openBench, tinyImage } from './bench.ts';
import { expectDone } from './expectations.ts';
import { type Provoked, REGISTRY_PROVOCATIONS, testFailures } from './failures.ts';
import { runStep, type StepRun } from './spawn-step.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.calm());

function base({ workspaces }: Bench, image: string): StepRun {
  return { task: 'sbom-generate', params: { image }, workspaces: { reports: workspaces.reports } };
}

/** The workspace source with one file, and the param that names it; without an image param. */
async function withFile(name: string, content: Uint8Array): Promise<{ params: Record<string, string>; workspaces: { source: string } }> {
  const source = await bench.folder('source');
  await writeFile(join(source, name), content);
  return { params: { image: '', path: name }, workspaces: { source } };
}

async function withLayout(
  change: (files: Map<string, Buffer>) => void,
  layout = tinyImage('layout'),
): Promise<{ params: Record<string, string>; workspaces: { source: string } }> {
  const source = await bench.folder('source');
  await mkdir(join(source, 'oci'));
  await writeLayout(join(source, 'oci'), layout);
  const files = layoutFiles(layout);
  change(files);
  for (const [path, bytes] of files) await writeFile(join(source, 'oci', path), bytes);
  return { params: { image: '', path: 'oci' }, workspaces: { source } };
}

/** An image whose config or layer was changed with all digests made to fit again. */
function forged(change: (config: { rootfs: { diff_ids: string[] } }, layer: Buffer) => Buffer): Layout {
  const whole = tinyImage('forged');
  const manifest = JSON.parse(String(whole.blobs.get(whole.root.digest)));
  const config = JSON.parse(String(whole.blobs.get(manifest.config.digest)));
  const layer = change(config, whole.blobs.get(manifest.layers[0].digest) ?? Buffer.alloc(0));
  const blobs = new Map<string, Buffer>();
  const add = (bytes: Buffer): { digest: string; size: number } => {
    blobs.set(sha256Digest(bytes), bytes);
    return { digest: sha256Digest(bytes), size: bytes.length };
  };
  Object.assign(manifest.config, add(Buffer.from(JSON.stringify(config))));
  Object.assign(manifest.layers[0], add(layer));
  return { root: { ...whole.root, ...add(Buffer.from(JSON.stringify(manifest))) }, blobs };
}

describe('sbom-generate', () => {
  test('writes the SBOM of a registry image, the same bytes each time', async () => {
    const image = await bench.pushImage('team/app');
    const first = await runStep(base(bench, image));
    expectDone(first, image);
    const file = await readFile(join(bench.workspaces.reports, 'sbom.cdx.json'));
    expect(first.results).toMatchObject({ 'sbom-path': 'sbom.cdx.json', 'sbom-digest': sha256Digest(file), components: '3', completeness: 'complete' });
    const second = await runStep({ ...base(bench, image), params: { image, output: 'again.json' } });
    expectDone(second, image);
    expect(await readFile(join(bench.workspaces.reports, 'again.json'))).toEqual(file);
    expect(bench.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD' && method !== 'PUT' && method !== 'POST')).toEqual([]);
  });

  test('reads an archive that must hold the digest of the image, without a registry', async () => {
    const layout = tinyImage('archived');
    const image = `registry.invalid/team/app@${layout.root.digest}`;
    const { workspaces } = await withFile('image.tar', ociArchive(layout));
    const end = await runStep({
      ...base(bench, image),
      params: { image, path: 'image.tar' },
      workspaces: { ...workspaces, reports: bench.workspaces.reports },
    });
    expectDone(end, image);
    expect(end.results['components']).toBe('3');
    expect(bench.requests).toEqual([]);
  });

  test('lists one platform of an index', async () => {
    const layout = composeLayout([imageParts('a'), imageParts('b', { os: 'linux', architecture: 'arm64' })]);
    const image = await bench.pushImage('team/index', layout);
    const end = await runStep({ ...base(bench, image), params: { image, platform: 'linux/arm64' } });
    // The SBOM speaks about the index, of which it lists a part.
    expect(end).toMatchObject({ code: 0, results: { subject: image, outcome: 'ok', completeness: 'incomplete' } });
    expect(end.stderr).toMatch(/^warn: the SBOM is incomplete: /m);
  });

  test('a source folder has no subject', async () => {
    const { params, workspaces } = await withFile('go.mod', Buffer.from('module example.com/app\n\ngo 1.24\n\nrequire golang.org/x/text v0.20.0\n'));
    const end = await runStep({ task: 'sbom-generate', params: { ...params, path: '.' }, workspaces: { ...workspaces, reports: bench.workspaces.reports } });
    expectDone(end, '');
    expect(Number(end.results['components'])).toBeGreaterThanOrEqual(1);
  });

  test('a bare tag is refused with the expression to write', async () => {
    const end = await runStep(base(bench, 'registry.example.com/team/app:1.4'));
    expect(end).toMatchObject({ code: 64, results: { outcome: 'input', subject: '' } });
    expect(end.stderr).toContain('"registry.example.com/team/app:1.4" names a tag');
    expect(end.stderr).toContain('registry.example.com/team/app:1.4@sha256:…');
    expect(end.stderr).toContain('$(tasks.<build task>.results.IMAGE_DIGEST)');
    expect(bench.requests).toEqual([]);
  });
});

describe('failures of sbom-generate', () => {
  const noImage = { subject: '' };
  testFailures(
    spec,
    {
      ...REGISTRY_PROVOCATIONS,
      NOTHING_TO_READ: () => ({ ...noImage, params: { image: '' }, names: /neither image nor path/ }),
      FILE_MISSING: async () => ({
        ...(await withFile('other.tar', Buffer.alloc(0))),
        ...noImage,
        params: { image: '', path: 'image.tar' },
        names: 'image.tar',
      }),
      FILE_UNWRITABLE: async (stage) => {
        const reports = await stage.folder('reports');
        await writeFile(join(reports, 'taken'), '');
        return { params: { output: 'taken/sbom.cdx.json' }, workspaces: { reports }, names: join(reports, 'taken/sbom.cdx.json') };
      },
      ARCHIVE_TRUNCATED: async () => {
        const whole = ociArchive(tinyImage('cut'));
        return { ...(await withFile('image.tar', whole.subarray(0, whole.length - 2048))), ...noImage, names: /image\.tar is cut off/ };
      },
      ARCHIVE_CORRUPT: async () => ({ ...(await withFile('image.tar', Buffer.alloc(4096, 'x'))), ...noImage, names: /image\.tar is damaged/ }),
      ARCHIVE_INVALID: async () => {
        const tar = writeTar([{ path: 'readme.txt', content: Buffer.from('no image') }]);
        return { ...(await withFile('image.tar', tar)), ...noImage, names: /image\.tar is not a docker or OCI image archive/ };
      },
      ARCHIVE_HOSTILE: async () => {
        const file = { path: 'index.json', content: Buffer.from('{}') };
        return { ...(await withFile('image.tar', writeTar([file, file]))), ...noImage, names: /image\.tar holds two entries of the name index\.json/ };
      },
      ARCHIVE_AMBIGUOUS: async () => {
        const images = ['one', 'two'].map((name) => ({ Config: `${name}.json`, RepoTags: [`team/${name}:1`], Layers: [] }));
        const tar = writeTar([{ path: 'manifest.json', content: Buffer.from(JSON.stringify(images)) }]);
        return { ...(await withFile('images.tar', tar)), ...noImage, names: /team\/one:1, team\/two:1/ };
      },
      LAYOUT_INVALID: async () => ({
        ...(await withLayout((files) =>
          files.set('index.json', Buffer.from('{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}')),
        )),
        ...noImage,
        names: /oci is not a whole OCI image layout/,
      }),
      LAYOUT_AMBIGUOUS: async () => {
        const layout = tinyImage('twice');
        const manifests = [layout.root, { ...layout.root, digest: `sha256:${'1'.repeat(64)}` }];
        const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
        return { ...(await withLayout((files) => files.set('index.json', Buffer.from(JSON.stringify(index))), layout)), ...noImage, names: layout.root.digest };
      },
      LAYOUT_DIGEST_UNKNOWN: async (_, image) => ({ ...(await withLayout(() => {})), params: { image, path: 'oci' }, names: image.split('@')[1] ?? '' }),
      IMAGE_INVALID: async () => {
        const layout = forged((config, layer) => {
          config.rootfs.diff_ids = [];
          return layer;
        });
        return { ...(await withLayout(() => {}, layout)), ...noImage, names: /oci has 1 layers and 0 diffIDs/ };
      },
      LAYER_CORRUPT: async () => {
        const layout = forged((_config, layer) => layer.subarray(0, layer.length / 2));
        return { ...(await withLayout(() => {}, layout)), ...noImage, names: /layer 1 of 1 .* cannot be decompressed/ };
      },
      DIFF_ID_MISMATCH: async () => {
        const layout = forged((config, layer) => {
          config.rootfs.diff_ids = [`sha256:${'2'.repeat(64)}`];
          return layer;
        });
        return { ...(await withLayout(() => {}, layout)), ...noImage, names: `sha256:${'2'.repeat(64)}` };
      },
      DIGEST_MISMATCH: (stage, image) => {
        stage.wire.registry = ({ path, method }) => (method === 'GET' && path.includes('/blobs/') ? { kind: 'corrupt' } : undefined);
        return { names: image.split('@')[0] ?? '' };
      },
      PLATFORM_NOT_FOUND: (_, image): Provoked => ({ params: { image, platform: 'linux/s390x' }, names: 'linux/s390x' }),
    },
    { bench: () => bench, base },
  );
});
