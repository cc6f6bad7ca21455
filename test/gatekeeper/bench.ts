// SPDX-License-Identifier: Apache-2.0
// `node test/gatekeeper/bench.ts [RUNS]`: the evaluator beside the released gator, medians of whole processes (in ms of time and of processor), one after the other.
import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { PolicyFile } from '../../lib/gatekeeper/protocol.ts';
import { ensureEvaluator } from '../../scripts/build/evaluator.ts';
import { ensurePeer } from '../peers/peers.ts';
import { texts, writeFiles } from './gator.ts';
import { POLICIES } from './policies.ts';
import { constraintOf, type Policy, pod, templateOf } from './policy.ts';

type Run = { milliseconds: number; cpu: number };

/** Wall time, and processor time of all ended children meanwhile. */
async function timed(file: string, args: readonly string[], cwd: string): Promise<Run> {
  const started = performance.now();
  const child = spawn('/usr/bin/env', ['bash', '-c', 'TIMEFORMAT="%U %S"; time "$0" "$@" >/dev/null 2>&1 </dev/null', file, ...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await new Promise((resolve) => child.on('close', resolve));
  const cpu = said.trim().split(/\s+/).slice(-2).map(Number);
  return { milliseconds: performance.now() - started, cpu: cpu.reduce((sum, seconds) => sum + seconds * 1000, 0) };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** As many templates as asked for, by giving those that there are other names, and pods. */
function load(templates: number, objects: number): PolicyFile[] {
  const usable = POLICIES.filter(
    ({ invalid, verifyOnly, expansion, testOnly, code }) => !invalid && !verifyOnly && !expansion && !testOnly && !Array.isArray(code),
  );
  const files = Array.from({ length: templates }, (_, at): [string, object][] => {
    const policy = usable[at % usable.length] as Policy;
    if (at < usable.length)
      return [
        [`t${at}.yaml`, templateOf(policy)],
        [`u${at}.yaml`, constraintOf(policy)],
      ];
    return [[`u${at}.yaml`, { ...constraintOf(policy), metadata: { name: `again-${at}` } }]];
  });
  const pods = Array.from({ length: objects }, (_, at): [string, object] => [`z${at}.yaml`, pod(`pod-${at}`, [{ image: `registry.example.com/app:${at}` }])]);
  return texts(new Map<string, object>([...files.flat(), ...pods]));
}

const CLIENT = `
import { reviewObjects } from '${join(import.meta.dirname, '../../lib/gatekeeper/gatekeeper.ts')}';
import { readPolicyFolder } from '${join(import.meta.dirname, '../../lib/gatekeeper/policy-folder.ts')}';
await reviewObjects([], await readPolicyFolder('.', '.', 'bench'), { evaluator: process.argv[2] });
`;

const runs = Number(process.argv[2] ?? 5);
const { gator } = await ensurePeer('gatekeeper', { log: console.error });
const evaluator = await ensureEvaluator({ os: process.platform, architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }, { log: console.error });
const client = join(await mkdtemp(join(tmpdir(), 'bench-')), 'client.ts');
await writeFile(client, CLIENT);
console.log('templates  objects  node -e 0          ours, Node included  gator test          (ms / ms of processor)');
for (const [templates, objects] of [
  [1, 1],
  [50, 200],
] as const) {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  await writeFiles(folder, load(templates, objects));
  const found: Run[][] = [[], [], []];
  for (let run = 0; run < runs; run++) {
    found[0]?.push(await timed(process.execPath, ['-e', '0'], folder));
    found[1]?.push(await timed(process.execPath, [client, evaluator], folder));
    found[2]?.push(await timed(gator, ['test', '-f', '.'], folder));
  }
  const cells = found.map((all) => `${median(all.map(({ milliseconds }) => milliseconds)).toFixed(0)} / ${median(all.map(({ cpu }) => cpu)).toFixed(0)}`);
  console.log([String(templates).padEnd(10), String(objects).padEnd(8), ...cells.map((cell) => cell.padEnd(20))].join(' '));
}
