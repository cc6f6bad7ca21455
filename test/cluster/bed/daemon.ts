// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { bugError, transientError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { readEnd } from '../host-process.ts';
import type { DaemonSpec } from './component.ts';
import { endProcess, identify, isAlive, listProcesses, type ProcessIdentity } from './process-table.ts';
import type { BedPlace } from './state.ts';

/** What is known of a daemon after the command that started it has gone. */
export type DaemonRecord = ProcessIdentity & { name: string; fingerprint: string; startedAt: string };

const Record = z.object({
  name: z.string(),
  pid: z.number().int().positive(),
  startTicks: z.string(),
  bootId: z.string(),
  fingerprint: z.string(),
  startedAt: z.iso.datetime(),
});

/** Variables that mark a daemon and all that it starts (but containers, which get an environment of their own). */
export const BED_MARK = 'TEKTON_SUPPLY_CHAIN_BED';
export const DAEMON_MARK = 'TEKTON_SUPPLY_CHAIN_DAEMON';

const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 5_000;

/** Whether two specs would start the same: a hash over all that the process is given. Not the environment itself, which may hold secrets. */
export function fingerprintOf({ command, args, env = {}, cwd, uid, gid }: DaemonSpec): string {
  const given = [command, args, Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)), cwd ?? '', uid ?? 0, gid ?? 0];
  return createHash('sha256').update(JSON.stringify(given)).digest('hex');
}

/** Starts the daemon unless it runs as the spec says, replaces one that runs otherwise, and waits until it is ready. Throws StepError `PEER_NOT_READY`. */
export async function startDaemon(place: BedPlace, spec: DaemonSpec): Promise<void> {
  const found = await readRecord(place, spec.name);
  const runs = found !== undefined && (await isAlive(found));
  if (runs && found.fingerprint === fingerprintOf(spec)) return waitUntilReady(place, spec, found);
  await stopDaemon(place, spec.name, STOP_GRACE_MS);
  await endUnrecorded(place, spec);
  await waitUntilReady(place, spec, await launch(place, spec));
}

/** A command that was killed between the start of a daemon and its record leaves one that holds the ports. */
async function endUnrecorded({ mark }: BedPlace, { name }: DaemonSpec): Promise<void> {
  for (const { pid, env } of await listProcesses()) {
    if (!env.includes(`${BED_MARK}=${mark}`) || !env.includes(`${DAEMON_MARK}=${name}`)) continue;
    const identity = await identify(pid);
    if (identity !== undefined) await endProcess(identity, STOP_GRACE_MS);
  }
}

async function launch(place: BedPlace, spec: DaemonSpec): Promise<DaemonRecord> {
  await mkdir(place.logs, { recursive: true });
  const logFile = logFileOf(place, spec.name);
  await rename(logFile, join(place.logs, `${spec.name}.previous.log`)).catch(ignoreMissing);
  const output = openSync(logFile, 'a', 0o600);
  const env = { ...spec.env, PATH: programPath(), [BED_MARK]: place.mark, [DAEMON_MARK]: spec.name };
  const { cwd = place.root, uid, gid } = spec;
  const user = { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) };
  const child = spawn(spec.command, spec.args, { detached: true, cwd, env, ...user, stdio: ['ignore', output, output] });
  closeSync(output);
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (cause) => reject(transientError('PEER_NOT_READY', `${spec.name} cannot be started: ${cause.message}`, { cause })));
  });
  const { pid } = child;
  if (pid === undefined) return failed;
  failed.catch(() => undefined);
  child.unref();
  const identity = await identify(pid);
  if (identity === undefined) throw transientError('PEER_NOT_READY', `${spec.name} ended at once; its log ends with:\n${await readEnd(logFile)}`);
  const record: DaemonRecord = { ...identity, name: spec.name, fingerprint: fingerprintOf(spec), startedAt: new Date().toISOString() };
  await mkdir(place.records, { recursive: true });
  await writeAtomic(recordFileOf(place, spec.name), `${JSON.stringify(record)}\n`);
  return record;
}

/** Debian keeps iptables and runc in a folder that users do not have on PATH. */
export function programPath(): string {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
}

async function waitUntilReady(place: BedPlace, spec: DaemonSpec, record: DaemonRecord): Promise<void> {
  const limit = spec.readyTimeoutMs ?? READY_TIMEOUT_MS;
  const deadline = performance.now() + limit;
  let lastError: unknown;
  for (;;) {
    const runs = await isAlive(record);
    try {
      // What answers while the daemon is gone is somebody else on its port.
      if (runs && (await spec.isReady()) && (await isAlive(record))) return;
    } catch (error) {
      lastError = error;
    }
    if (!runs || performance.now() >= deadline) {
      const why = runs ? `does not answer within ${limit / 1000} s` : 'has ended';
      const last = lastError instanceof Error ? ` (${lastError.message})` : '';
      throw transientError('PEER_NOT_READY', `${spec.name} ${why}${last}; its log ends with:\n${await readEnd(logFileOf(place, spec.name))}`, {
        cause: lastError,
      });
    }
    await sleep(100);
  }
}

/** Ends the daemon of this name and forgets it; harmless when it does not run. A process that has its pid by now is left alone. */
export async function stopDaemon(place: BedPlace, name: string, graceMs = STOP_GRACE_MS): Promise<void> {
  const record = await readRecord(place, name);
  if (record !== undefined) await endProcess(record, graceMs);
  await rm(recordFileOf(place, name), { force: true });
}

export async function isDaemonRunning(place: BedPlace, name: string): Promise<boolean> {
  const record = await readRecord(place, name);
  return record !== undefined && (await isAlive(record));
}

/** All records, also of daemons that have ended. */
export async function listRecords(place: BedPlace): Promise<DaemonRecord[]> {
  const files = await readdir(place.records).catch(ignoreMissing);
  const names = (files ?? []).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
  const records = await Promise.all(names.sort().map((name) => readRecord(place, name)));
  return records.filter((record) => record !== undefined);
}

/** The record of a daemon; undefined when there is none, or one that was cut short when the machine went down. */
export async function readRecord(place: BedPlace, name: string): Promise<DaemonRecord | undefined> {
  const text = await readFile(recordFileOf(place, name), 'utf8').catch(ignoreMissing);
  if (text === undefined) return undefined;
  try {
    return Record.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function recordFileOf({ records }: BedPlace, name: string): string {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) throw bugError('DAEMON_NAME_INVALID', `"${name}" is no name of a daemon`);
  return join(records, `${name}.json`);
}

export function logFileOf({ logs }: BedPlace, name: string): string {
  return join(logs, `${name}.log`);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
