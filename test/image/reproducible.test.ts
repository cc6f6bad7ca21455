// SPDX-License-Identifier: Apache-2.0
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type RegistryServer, startRegistry } from '../../cli/services/registry/registry.ts';
import { ARCHITECTURES } from '../../images/builder/base.ts';
import { silentLogger } from '../../lib/log/log.ts';
import type { ImageManifest } from '../../lib/registry/oci.ts';
import { VERSION } from '../../lib/step/version.ts';
import { checkCatalog } from '../../scripts/check/catalog-rules.ts';
import { readCatalog } from '../../scripts/generate/files.ts';
import { cacheFolder, PROJECT } from '../../scripts/images/place.ts';
import { SERVICES } from '../../scripts/tasks.ts';
import { digests, IMAGES, variantOf } from './images.ts';
import { type CommandResult, mustRun, runCommand } from './run-command.ts';

const place = inject('image');
const MB = 1000 * 1000;
/** Images with the Gatekeeper evaluator, which is their first layer over the base. */
const EVALUATING: readonly string[] = ['policy-check', 'supply-chain'];
const COLD_SECONDS = 30;
const WARM_SECONDS = 10;

let work: string;
let server: RegistryServer;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'reproducible-'));
  server = await startRegistry({ dir: join(work, 'registry'), host: '127.0.0.1', port: 0, log: silentLogger });
});
afterAll(async () => {
  await server.close();
  await rm(work, { recursive: true, force: true });
});

function images(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  return runCommand(process.execPath, ['scripts/images/main.ts', '--context', place.context, ...args], { cwd: PROJECT, env: { ...process.env, ...env } });
}

async function built(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ seconds: number; digests: Record<string, string> }> {
  const started = performance.now();
  const result = await images(['--lock', place.lock, '--output', join(work, name), '--digests', join(work, `${name}.json`), ...args], env);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  return { seconds: (performance.now() - started) / 1000, digests: JSON.parse(await readFile(join(work, `${name}.json`), 'utf8')) as Record<string, string> };
}

/** A cache with the downloads of the suite's own and no layers. */
async function coldCache(): Promise<NodeJS.ProcessEnv> {
  const [from, to] = [await cacheFolder(process.env), join(work, 'cache', 'tekton-supply-chain', 'images')];
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) if (name === 'deb' || name === 'npm') await cp(join(from, name), join(to, name), { recursive: true });
  return { XDG_CACHE_HOME: join(work, 'cache') };
}

describe('npm run images', () => {
  test(`builds both architectures of all images cold within ${COLD_SECONDS} s and again within ${WARM_SECONDS} s, with equal digests`, async () => {
    const env = await coldCache();
    const cold = await built('cold', [], env);
    const warm = await built('warm', [], env);
    console.log(`${IMAGES.length} images cold ${cold.seconds.toFixed(1)} s, warm ${warm.seconds.toFixed(1)} s`);
    expect(cold.digests).toEqual(digests);
    expect(warm.digests).toEqual(digests);
    expect(await readFile(join(work, 'cold/index.json'))).toEqual(await readFile(join(place.layout, 'index.json')));
    expect(cold.seconds).toBeLessThan(COLD_SECONDS);
    expect(warm.seconds).toBeLessThan(WARM_SECONDS);
  });

  test('another SOURCE_DATE_EPOCH is other images', async () => {
    const dated = await built('dated', ['--only', 'cosign-sign'], { SOURCE_DATE_EPOCH: '1700000000' });
    expect(dated.digests['cosign-sign']).not.toBe(digests['cosign-sign']);
  });

  test('pushes to a registry, and builds from a base that it reads there by digest', async () => {
    const repository = `127.0.0.1:${server.port}/suite`;
    const { digests: pushed } = await built('pushed', ['--only', 'cosign-sign', '--push', repository]);
    const reference = `${repository}/cosign-sign:${VERSION}@${pushed['cosign-sign']}`;
    const { digests: derived } = await built('derived', ['--only', 'promote', '--base', reference]);
    expect(derived['promote']).not.toBe(digests['promote']);
    const again = await built('again', ['--only', 'promote', '--base', reference]);
    expect(again.digests).toEqual(derived);
  });

  test.each([
    ['a base by tag', ['--base', 'registry.example.com/node:24'], 'is not named by digest'],
    ['an image without Dockerfile', ['--only', 'nothing'], 'images/NAME/Dockerfile'],
    ['an option that is none', ['--bse', 'x'], 'bse'],
    ['a platform that is none', ['--platform', 'linux/386'], 'linux/386'],
    ['an engine that is not there', ['--only', 'promote', '--load', '/nonexistent/docker.sock'], '/nonexistent/docker.sock'],
  ])('%s is exit code 64', async (_what, args, message) => {
    const result = await images([...args, '--lock', place.lock, '--output', join(work, 'refused'), '--digests', join(work, 'refused.json')]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain(message);
  });

  test('a lock that does not fit what Debian has, is not used', async () => {
    const lock = (await readFile(place.lock, 'utf8')).replaceAll(/"sha256": "..../g, '"sha256": "0000');
    await writeFile(join(work, 'forged.lock.json'), lock);
    const result = await images(['--lock', join(work, 'forged.lock.json'), '--output', join(work, 'refused'), '--digests', join(work, 'refused.json')]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('has the locked SHA-256');
    expect(result.stderr).toContain('base --refresh');
  });
});

test('the catalog rendered with these digests passes its check', async () => {
  const output = join(work, 'catalog');
  await mustRun(
    process.execPath,
    ['cli/main.ts', 'catalog', 'render', '--catalog', join(place.context, 'catalog'), '--digests', place.digests, '--output', output],
    { cwd: PROJECT },
  );
  await rm(join(output, 'install.yaml'));
  expect(checkCatalog(readCatalog(output), { version: VERSION, rendered: true })).toEqual([]);
  for (const name of SERVICES) expect(digests).toHaveProperty([name]);
});

/** The layers of the image that hold nothing for one architecture: all over the base but the Gatekeeper evaluator. */
function ownLayers(image: string, { layers }: ImageManifest): ImageManifest['layers'] {
  return layers.slice(EVALUATING.includes(image) ? 3 : 2);
}

describe.each(IMAGES)('%s', (image) => {
  test.each(ARCHITECTURES)('%s is small, and says what it is', async (architecture) => {
    const { manifest, config } = await variantOf(image, architecture);
    const own = ownLayers(image, manifest).reduce((sum, { size }) => sum + size, 0);
    if (EVALUATING.includes(image)) expect(manifest.layers[2]?.size).toBeLessThan(24 * MB);
    // The command line carries the bundles of all steps.
    const budget = image === 'supply-chain' ? 3 * MB : SERVICES.includes(image) ? 1.5 * MB : MB;
    expect(own).toBeLessThan(budget);
    expect(config).toMatchObject({ os: 'linux', architecture, created: '1970-01-01T00:00:00Z', config: { User: '65532:65532' } });
    expect(manifest.annotations).toMatchObject({ 'org.opencontainers.image.title': image, 'org.opencontainers.image.version': VERSION });
  });

  test('has the same own layers for both architectures', async () => {
    const [one, other] = await Promise.all(ARCHITECTURES.map((architecture) => variantOf(image, architecture)));
    expect(one && ownLayers(image, one.manifest)).toEqual(other && ownLayers(image, other.manifest));
    expect(one?.manifest.layers.slice(0, 2)).not.toEqual(other?.manifest.layers.slice(0, 2));
  });
});
