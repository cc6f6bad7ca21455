// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCycloneDx } from '../../lib/sbom/read-cyclonedx.ts';
import { cycloneDxValidator } from '../../lib/sbom/test-schema.ts';
import { type DebianRoot, debianRoot, whyNoDebianRoot } from './debian-root.ts';

const run = promisify(execFile);
const GB = 1_000_000_000;
const MAX_RSS_MIB = 250;
const MAX_SECONDS_PER_GB = 10;

type Component = { type: string; group?: string; name: string; version?: string; purl?: string; evidence?: { occurrences?: { location: string }[] } };
type Figures = { maxRssMiB: number; unpackedBytes: number; entries: number; sbomBytes: number; unknowns: { path: string; reason: string }[] };

const reason = await whyNoDebianRoot();

describe.skipIf(reason !== undefined)(`SBOM of a Debian root of more than 1 GB${reason === undefined ? '' : ` (SKIPPED: ${reason})`}`, () => {
  let work: string;
  let root: DebianRoot;
  let bytes: Buffer;
  let components: Component[];
  let figures: Figures;
  let seconds: number;

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'sbom-'));
    root = await debianRoot();
    const bundle = join(work, 'catalogue.cjs');
    await build({
      entryPoints: [join(import.meta.dirname, 'catalogue-process.ts')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node24',
      external: ['ajv', 'ajv-*', 'libxmljs2', 'xmlbuilder2'],
      logLevel: 'error',
    });
    const started = performance.now();
    const { stdout } = await run(process.execPath, [bundle, root.archive, join(work, 'sbom.json')]);
    seconds = (performance.now() - started) / 1000;
    figures = JSON.parse(stdout);
    bytes = await readFile(join(work, 'sbom.json'));
    components = JSON.parse(String(bytes)).components;
    const gb = figures.unpackedBytes / GB;
    const counts = ['deb', 'npm', 'golang'].map((type) => `${ofType(type).length} ${type}`).join(', ');
    process.stdout.write(
      `\nDebian root: ${gb.toFixed(2)} GB unpacked, ${figures.entries} entries; ${counts}; SBOM ${(figures.sbomBytes / 1e6).toFixed(2)} MB; ` +
        `${seconds.toFixed(2)} s (${(seconds / gb).toFixed(2)} s a GB), peak ${figures.maxRssMiB.toFixed(0)} MiB; ${figures.unknowns.length} unknowns\n`,
    );
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  function ofType(type: string): Component[] {
    return components.filter((one) => one.purl?.startsWith(`pkg:${type}/`));
  }

  function npmNames(inside: string): string[] {
    const chosen = ofType('npm').filter((one) => one.evidence?.occurrences?.some(({ location }) => location.startsWith(inside)));
    return chosen.map((one) => `${one.group === undefined ? '' : `${one.group}/`}${one.name}@${one.version}`).sort();
  }

  it('holds the packages that dpkg-query -W reports as installed, and no others', () => {
    const key = (name: string, version: string | undefined, architecture: string): string => `${name} ${version} ${architecture}`;
    const expected = root.dpkg.filter((one) => one.state === 'installed').map((one) => key(one.name, one.version, one.architecture));
    expect(root.dpkg.map((one) => one.state)).toContain('config-files');
    expect(expected.length).toBeGreaterThan(300);
    const found = ofType('deb').map((one) => key(one.name, one.version, /[?&]arch=([^&]+)/.exec(one.purl ?? '')?.[1] ?? ''));
    expect(found.sort()).toEqual(expected.sort());
  });

  it('holds the packages that npm ls --all reports in the project, and no others', () => {
    expect(root.npmLs.length).toBeGreaterThan(400);
    expect(npmNames(`${root.project}/`)).toEqual(root.npmLs);
  });

  it('holds every npm package that is installed anywhere in the root', () => {
    expect(root.npmInstalled.length).toBeGreaterThan(root.npmLs.length);
    expect(npmNames('')).toEqual(root.npmInstalled);
  });

  it('satisfies the official schema and is whole', () => {
    expect(cycloneDxValidator()(JSON.parse(String(bytes)))).toEqual([]);
    const facts = readCycloneDx(bytes, 'SBOM');
    expect({ stated: facts.stated, components: facts.components }).toEqual({ stated: true, components: components.length });
    expect(facts.reasons).toEqual([]);
  });

  it(`needs at most ${MAX_RSS_MIB} MiB and ${MAX_SECONDS_PER_GB} s a GB`, () => {
    expect(figures.unpackedBytes).toBeGreaterThan(GB);
    expect(figures.maxRssMiB).toBeLessThanOrEqual(MAX_RSS_MIB);
    expect(seconds / (figures.unpackedBytes / GB)).toBeLessThanOrEqual(MAX_SECONDS_PER_GB);
  });
});
