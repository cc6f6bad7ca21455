// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { CONFINED, docker, STEPS, tagOf } from './images.ts';

const BUDGET = 2.5;

/** Runs in the image: the two starts in turn; prints the median of each in milliseconds. */
const MEASURE = `
const { spawnSync } = require('node:child_process');
const rounds = 15;
const times = { empty: [], refused: [] };
const run = (name, args, code) => {
  const start = process.hrtime.bigint();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  times[name].push(Number(process.hrtime.bigint() - start) / 1e6);
  if (status !== code) throw new Error(name + ' ended with ' + status);
};
for (let round = 0; round < rounds; round++) {
  run('empty', ['-e', ''], 0);
  run('refused', ['/app/step.cjs', '--nosuchparam'], 64);
}
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
console.log(JSON.stringify({ empty: median(times.empty), refused: median(times.refused) }));
`;

describe.each(STEPS)('%s', (step) => {
  test(`a wrong param is told within ${BUDGET} times the start of an empty Node in the same image`, { retry: 2 }, async () => {
    const { code, stdout, stderr } = await docker([...CONFINED, '--user=65532', '--entrypoint=/nodejs/bin/node', tagOf(step), '-e', MEASURE]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { empty, refused } = JSON.parse(stdout) as { empty: number; refused: number };
    console.log(`${step}: empty ${empty.toFixed(0)} ms, refused ${refused.toFixed(0)} ms, ratio ${(refused / empty).toFixed(2)}`);
    expect(refused / empty).toBeLessThan(BUDGET);
  });
});
