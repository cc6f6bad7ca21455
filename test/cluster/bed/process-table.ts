// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be taken for a later one with the same pid: start time in clock ticks since boot (proc(5), /proc/PID/stat field 22), and which boot. */
export type ProcessIdentity = { pid: number; startTicks: string; bootId: string };

/** State letter, start time and resident pages from the text of /proc/PID/stat; the name in it may hold spaces and brackets. */
export function parseStat(text: string): { state: string; startTicks: string; residentPages: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: fields[19] ?? '', residentPages: Number(fields[21] ?? 0) };
}

/** Who has this pid now; undefined when nobody, or a process that has ended and is not yet waited for. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const [stat, bootId] = await Promise.all([readOrNothing(`/proc/${pid}/stat`), readFile('/proc/sys/kernel/random/boot_id', 'utf8')]);
  if (stat === undefined) return undefined;
  const { state, startTicks } = parseStat(stat);
  return state === 'Z' || state === 'X' ? undefined : { pid, startTicks, bootId: bootId.trim() };
}

export async function isAlive({ pid, startTicks, bootId }: ProcessIdentity): Promise<boolean> {
  const now = await identify(pid);
  return now !== undefined && now.startTicks === startTicks && now.bootId === bootId;
}

/** Resident memory in bytes, 0 when it is gone. */
export async function residentBytes(pid: number): Promise<number> {
  const stat = await readOrNothing(`/proc/${pid}/stat`);
  return stat === undefined ? 0 : parseStat(stat).residentPages * 4096;
}

/** Ends it: SIGTERM, after `graceMs` SIGKILL, and waits until it is gone. A process that meanwhile got its pid is not touched. */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  const killAt = performance.now() + graceMs;
  if (await isAlive(identity)) signal(identity.pid, 'SIGTERM');
  while (await isAlive(identity)) {
    if (performance.now() >= killAt) signal(identity.pid, 'SIGKILL');
    await sleep(50);
  }
}

/** Sends it; a process that has gone meanwhile is no error. */
export function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export type ProcessEntry = { pid: number; args: string[]; env: string[]; cgroups: string[] };

/** All processes that this user may look into, but this one. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const entries = await Promise.all(pids.map((pid) => readProcess(Number(pid))));
  return entries.filter((entry) => entry !== undefined);
}

async function readProcess(pid: number): Promise<ProcessEntry | undefined> {
  const [args, env, cgroups] = await Promise.all(['cmdline', 'environ', 'cgroup'].map((file) => readOrNothing(`/proc/${pid}/${file}`)));
  if (args === undefined || env === undefined || cgroups === undefined) return undefined;
  return { pid, args: args.split('\0').slice(0, -1), env: env.split('\0'), cgroups: cgroups.trim().split('\n') };
}

/** Processes come and go while they are read. */
async function readOrNothing(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
