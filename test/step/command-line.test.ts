// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import { PROJECT } from './bundles.ts';
import { type Forge, openForge } from './forge.ts';
import { type Laptop, newState, openLaptop, runCli, runSecureImage, secureImageArgs, serve } from './laptop.ts';
import { grypeReport, smallSbom } from './reports.ts';

let laptop: Laptop;
let forge: Forge;
beforeAll(async () => {
  laptop = await openLaptop();
  forge = await openForge(laptop);
});
afterAll(() => laptop.close());

const PIPELINE = 'catalog/pipeline/secure-image/secure-image.yaml';

describe('supply-chain verify', () => {
  test('judges what the registry holds, by the exit code too', async () => {
    const image = await laptop.pushImage('team/verified');
    const scan = join(await laptop.folder('scan'), 'scan.json');
    await writeFile(scan, JSON.stringify(grypeReport(image, [])));
    const args = ['verify', image, '--state', laptop.state.root, '--scan-report', scan];
    const unsigned = await runCli(args);
    expect(unsigned).toMatchObject({ code: 20, stderr: '' });
    expect(unsigned.stdout).toMatch(/signed.*there is no signature/s);
    for (const [type, predicate] of [
      [PREDICATE_TYPE.signature, {}],
      [PREDICATE_TYPE.cyclonedx, smallSbom(image)],
    ] as const)
      await forge.attach(image, await forge.bundle(image, type, predicate), type);
    const passed = await runCli([...args, '-o', 'json']);
    expect(passed.code, passed.stderr).toBe(0);
    expect(JSON.parse(passed.stdout)).toMatchObject({ kind: 'Verdict', outcome: 'passed', subject: { reference: image } });
  });

  test.each([
    ['a bare tag', (image: string) => image.replace(/@.*/, ':1.0'), 64, /names a tag/],
    ['an image that is not there', (image: string) => image.replace(/[0-9a-f]{64}$/, '0'.repeat(64)), 77, /has no such manifest/],
  ])('refuses %s', async (_, change, code, message) => {
    const reference = change(await laptop.pushImage('team/refused'));
    const end = await runCli(['verify', reference, '--state', laptop.state.root]);
    expect(end).toMatchObject({ code, stdout: '' });
    expect(end.stderr).toMatch(message);
    expect(end.stderr).toContain(reference);
    expect(end.stderr).toMatch(/^hint: /m);
    expect(end.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('supply-chain run', () => {
  test('tells all that is wrong with params and workspaces at once, and starts nothing', async () => {
    const state = ['--state', laptop.state.root];
    const end = await runCli(['run', 'secure-image', ...state, '--param', 'imagee=x', '--workspace', 'sources=/tmp', '--workspace', 'reports=/nowhere/at/all']);
    expect(end).toMatchObject({ code: 64, stdout: '' });
    for (const wrong of ['"image"', '"imagee"', '"sources"', '/nowhere/at/all']) expect(end.stderr).toContain(wrong);
    expect(end.stderr).not.toContain('started');
  });

  test.each([
    ['retries on a task', (yaml: string) => yaml.replace('    - name: verdict\n', '    - name: verdict\n      retries: 2\n'), /verdict.*retries/s],
    [
      'a matrix',
      (yaml: string) => yaml.replace('    - name: sign\n', '    - name: sign\n      matrix: {params: [{name: image, value: [a, b]}]}\n'),
      /sign.*matrix/s,
    ],
  ])('refuses %s by name', async (_, change, names) => {
    const yaml = await readFile(join(PROJECT, PIPELINE), 'utf8');
    const file = join(await laptop.folder('pipeline'), 'changed.yaml');
    expect(change(yaml)).not.toBe(yaml);
    await writeFile(file, change(yaml));
    const end = await runCli(['run', file, '--state', laptop.state.root, '--param', `image=${await laptop.pushImage('team/unsupported')}`]);
    expect(end).toMatchObject({ code: 64, stdout: '' });
    expect(end.stderr).toMatch(names);
    expect(end.stderr).not.toContain('started');
  });

  test.each([
    ['a command that is not there', ['sing'], /Unknown argument: sing/],
    ['a Pipeline that is not there', ['run', 'secure-imgae'], /secure-imgae is neither a Pipeline of the catalog nor a file/],
    ['a param without a value', ['run', 'secure-image', '--param', 'image'], /write --param name=value/],
    ['an option that is not there', ['verify', 'x', '--polcy', 'p'], /polcy/],
  ])('refuses %s', async (_, args, message) => {
    const end = await runCli([...args, '--state', laptop.state.root]);
    expect(end).toMatchObject({ code: 64, stdout: '' });
    expect(end.stderr).toMatch(message);
    expect(end.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('Ctrl-C', { timeout: 60_000 }, () => {
  test('stops the tasks, runs finally, leaves nothing running, and the next run finishes', async () => {
    const own = await newState();
    try {
      const first = await runCli(['services', 'status', '--state', own.state.root, '-o', 'json']);
      expect(JSON.parse(first.stdout)).toEqual({ running: false });
      const services = await serve(own);
      const image = await services.pushImage('team/interrupted');
      await services.close();
      let interrupted = 0;
      const reports = await own.folder('reports');
      const end = await runCli(secureImageArgs(own, image, reports), (said, child) => {
        if (said.includes('[log] succeeded') && interrupted++ === 0) child.kill('SIGINT');
      });
      expect(end.code, end.stderr).toBe(130);
      const run = JSON.parse(end.stdout);
      const states = Object.fromEntries(run.tasks.map((task: { name: string; state: string }) => [task.name, task.state]));
      expect(run.status).toBe('Cancelled');
      expect(states).toMatchObject({ sign: 'Succeeded', log: 'Succeeded', scan: 'Cancelled', seal: 'Succeeded' });
      expect(states['verdict'] ?? 'Skipped').toBe('Skipped');
      expect(end.stderr).toContain('cancelling: running tasks are stopped, finally tasks still run');
      expect(await readdir(own.state.temp)).toEqual([]);
      expect(existsSync(own.state.servicesFile)).toBe(false);
      const again = await runSecureImage(own, image, async () => grypeReport(image, []));
      expect(again.code, again.stderr).toBe(0);
    } finally {
      await own.remove();
    }
  });
});
