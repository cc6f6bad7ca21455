// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readDebianLock } from '../../images/base/local-base.ts';
import { lockedNode } from '../../images/base/node-runtime.ts';
import { ARCHITECTURES } from '../../images/builder/base.ts';
import { PROJECT } from '../../scripts/images/place.ts';
import { digests, runImage, tagOf, variantOf } from './images.ts';

const place = inject('image');
type Component = { name: string; version: string; purl?: string; type: string };

let reports: string;
beforeAll(async () => {
  reports = await mkdtemp(join(tmpdir(), 'sbom-reports-'));
  await chmod(reports, 0o777);
});
afterAll(() => rm(reports, { recursive: true, force: true }));

async function componentsOf(image: string, digest: string): Promise<Component[]> {
  const mounts = [`--volume=${place.layout}:/source:ro`, `--volume=${reports}:/reports`, '--env=WORKSPACE_SOURCE=/source', '--env=WORKSPACE_REPORTS=/reports'];
  const { code, stderr } = await runImage('sbom-generate', [`--image=${tagOf(image)}@${digest}`, '--path=.', `--output=${image}.cdx.json`], { docker: mounts });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const sbom = JSON.parse(await readFile(join(reports, `${image}.cdx.json`), 'utf8')) as { components: Component[] };
  return sbom.components;
}

describe('the image of sbom-generate, run on the layout of the images', () => {
  test.each(ARCHITECTURES)('lists the Debian packages, Node, and what is in the bundle of cosign-sign for %s', async (architecture) => {
    const { digest } = await variantOf('cosign-sign', architecture);
    const components = await componentsOf('cosign-sign', digest);
    const purls = components.flatMap(({ purl }) => purl ?? []);
    const lock = await readDebianLock(place.lock);
    for (const { name, version } of lock[architecture]) {
      expect(components).toContainEqual(expect.objectContaining({ name, version, purl: expect.stringContaining(`pkg:deb/debian/`) }));
    }
    const node = await lockedNode(PROJECT, architecture);
    expect(purls).toContain(`pkg:npm/${node.name}@${node.version}`);
    expect(purls).toContainEqual(expect.stringMatching(/^pkg:npm\/zod@/));
    expect(purls).toContainEqual(expect.stringMatching(/^pkg:npm\/%40sigstore\/bundle@/));
    expect(purls.filter((purl) => purl.includes('vitest') || purl.includes('esbuild'))).toEqual([]);
  });

  test('refuses a digest that the layout does not hold', async () => {
    const mounts = [
      `--volume=${place.layout}:/source:ro`,
      `--volume=${reports}:/reports`,
      '--env=WORKSPACE_SOURCE=/source',
      '--env=WORKSPACE_REPORTS=/reports',
    ];
    const digest = (digests['cosign-sign'] ?? '').replace(/.{8}$/, '00000000');
    const { code, stderr } = await runImage('sbom-generate', [`--image=${tagOf('cosign-sign')}@${digest}`, '--path=.'], { docker: mounts });
    expect(code).toBe(64);
    expect(stderr).toContain('LAYOUT_DIGEST_UNKNOWN');
  });
});
