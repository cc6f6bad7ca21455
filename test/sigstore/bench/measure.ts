// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A program with its arguments, its environment and its folder. */
export type Command = { argv: readonly string[]; env: NodeJS.ProcessEnv; cwd: string };

/** One whole process, from before it is started until it is gone: wall and processor time in seconds, most memory of any one process of it in MiB. */
export type Figure = { seconds: number; cpu: number; mib: number };

const TIME = '/usr/bin/time';

/** Runs the command to its end under GNU time, which adds a fork to each side alike. Throws for one that fails, with what it said: its time would mean nothing. */
export async function measure({ argv, env, cwd }: Command): Promise<Figure & { stdout: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-sign-'));
  const facts = join(folder, 'time');
  try {
    const started = performance.now();
    const child = spawn(TIME, ['-f', '%U %S %M', '-o', facts, ...argv], { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'close') as Promise<[number | null]>;
    const [[code], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    const seconds = (performance.now() - started) / 1000;
    if (code !== 0) throw new Error(`${argv.slice(0, 4).join(' ')} … ended with ${code}:\n${stdout}${stderr}`);
    const [user = 0, system = 0, kib = 0] = (await readFile(facts, 'utf8')).trim().split(/\s+/).map(Number);
    return { seconds, cpu: user + system, mib: kib / 1024, stdout };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What ours and cosign took for the same work, run for run. */
export type Pairs = { ours: Figure[]; cosign: Figure[] };

/** Runs both in turns, each first as often as the other, so that both have the same load and caches; the first `warmUp` pairs do not count. */
export async function measurePairs(rounds: number, command: (who: keyof Pairs) => Promise<Command>, warmUp = 1): Promise<Pairs> {
  const pairs: Pairs = { ours: [], cosign: [] };
  for (let round = 0; round < rounds + warmUp; round += 1) {
    const turns = round % 2 === 0 ? (['ours', 'cosign'] as const) : (['cosign', 'ours'] as const);
    for (const who of turns) {
      const { seconds, cpu, mib } = await measure(await command(who));
      if (round >= warmUp) pairs[who].push({ seconds, cpu, mib });
    }
  }
  return pairs;
}
