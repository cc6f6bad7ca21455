// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../lib/step/version.ts';
import { TASKS } from '../../scripts/tasks.ts';
import { ensureBundles, PROJECT } from './bundles.ts';

const ROUNDS = 5;
/** Times the CPU time of Node itself; 1.9 to 2.3 here, with some room for a busy machine. */
const LIMIT = 2.8;
const REPORT_CPU = `process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  require('node:fs').writeSync(2, String((user + system) / 1000));
});`;

let preload: string;

/** Milliseconds of CPU that each command takes, the best of several runs in turns: other work on the machine changes that far less than the time that passes. */
function cpuTimes(commands: readonly string[][]): number[] {
  const best = commands.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, args] of commands.entries()) {
      const { status, stderr } = spawnSync(process.execPath, ['--require', preload, ...args], { env: {}, encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      best[index] = Math.min(best[index] ?? 0, Number(stderr));
    }
  }
  return best;
}

beforeAll(async () => {
  await ensureBundles();
  preload = join(await mkdtemp(join(tmpdir(), 'step-start-')), 'report-cpu.cjs');
  await writeFile(preload, REPORT_CPU);
});
afterAll(() => rm(dirname(preload), { recursive: true, force: true }));

describe('start-up', () => {
  const bundles = TASKS.map(({ name }) => ({ name, path: join(PROJECT, 'dist', `${name}.cjs`) }));

  test.each(bundles)('$name says its version, and its help names every param and failure', ({ name, path }) => {
    const said = spawnSync(process.execPath, [path, '--version'], { env: {}, encoding: 'utf8' });
    expect(said).toMatchObject({ status: 0, stdout: `${name} ${VERSION}\n`, stderr: '' });
    const help = spawnSync(process.execPath, [path, '--help'], { env: {}, encoding: 'utf8' });
    expect(help).toMatchObject({ status: 0, stderr: '' });
    const spec = TASKS.find((task) => task.name === name);
    for (const param of Object.keys(spec?.params ?? {})) expect(help.stdout).toContain(`--${param}=`);
    for (const code of Object.keys(spec?.failures ?? {})) expect(help.stdout).toContain(code);
  });

  test('of a bundle is within its budget beside that of Node', () => {
    const [node = 1, ...times] = cpuTimes([['-e', ''], ...bundles.map(({ path }) => [path, '--version'])]);
    const rows = bundles.map(({ name }, index) => ({ name, ms: times[index] ?? 0, ratio: (times[index] ?? 0) / node }));
    console.log(
      [`CPU time to start: node ${node.toFixed(0)} ms`, ...rows.map(({ name, ms, ratio }) => `${name} ${ms.toFixed(0)} ms, ${ratio.toFixed(2)} × Node`)].join(
        '\n',
      ),
    );
    for (const { name, ratio } of rows) expect(ratio, name).toBeLessThanOrEqual(LIMIT);
  });
});
