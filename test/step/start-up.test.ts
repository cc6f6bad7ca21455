// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../lib/step/version.ts';
import { TASKS } from '../../scripts/tasks.ts';
import { ensureBundles, PROJECT } from './bundles.ts';

const ROUNDS = 5;
/** Times the start of Node itself. Generous, for machines with other work; the aim stands in the table that is printed. */
const LIMIT = 2.5;
const LIMIT_WITH_SIGSTORE = 4.5;

/** Milliseconds of CPU-bound start, the best of several runs, taken in turns so that a busy moment meets all of them. */
function bestOf(commands: readonly string[][]): number[] {
  const best = commands.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, args] of commands.entries()) {
      const started = performance.now();
      const { status } = spawnSync(process.execPath, args, { env: {}, stdio: 'ignore' });
      expect(status).toBe(0);
      best[index] = Math.min(best[index] ?? 0, performance.now() - started);
    }
  }
  return best;
}

beforeAll(ensureBundles);

describe('start-up', () => {
  const bundles = TASKS.map(({ name }) => ({
    name,
    path: join(PROJECT, 'dist', `${name}.cjs`),
    limit: name === 'sbom-generate' ? LIMIT : LIMIT_WITH_SIGSTORE,
  }));

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
    const [node = 1, ...times] = bestOf([['-e', ''], ...bundles.map(({ path }) => [path, '--version'])]);
    const rows = bundles.map(({ name, limit }, index) => ({ name, ms: times[index] ?? 0, ratio: (times[index] ?? 0) / node, limit }));
    console.log(
      [`node ${node.toFixed(0)} ms`, ...rows.map(({ name, ms, ratio, limit }) => `${name} ${ms.toFixed(0)} ms, ${ratio.toFixed(2)} × (limit ${limit})`)].join(
        '\n',
      ),
    );
    for (const { name, ratio, limit } of rows) expect(ratio, name).toBeLessThanOrEqual(limit);
  });
});
