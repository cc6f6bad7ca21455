// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StartNote } from './bring-up.ts';
import { podCgroup } from './cgroup.ts';
import type { Bed, Component } from './component.ts';
import { type DaemonRecord, listRecords } from './daemon.ts';
import { isAlive, listProcesses, residentBytes } from './process-table.ts';
import type { BedPlace } from './state.ts';

export type ComponentState = 'ready' | 'not ready' | 'ended' | 'down';
export type StatusRow = {
  name: string;
  state: ComponentState;
  startSeconds: number | undefined;
  since: string | undefined;
  pids: number[];
  residentBytes: number;
};

const ANSWER_MS = 20_000;

/** How each component is now, asked all at once; nothing is started. `ended` is one whose daemon was there and is not, `down` one that was never brought up. */
export async function bedStatus(place: BedPlace, bed: Bed, components: readonly Component[]): Promise<StatusRow[]> {
  const records = await listRecords(place);
  return Promise.all(components.map((component) => statusOf(bed, component, records)));
}

async function statusOf(bed: Bed, component: Component, records: readonly DaemonRecord[]): Promise<StatusRow> {
  const { name, daemons = [name] } = component;
  const own = records.filter((record) => daemons.includes(record.name));
  const alive = (await Promise.all(own.map(async (record) => ((await isAlive(record)) ? [record] : [])))).flat();
  const note = await readNote(bed, name);
  const isDown = note === undefined && own.length === 0;
  const state = isDown ? 'down' : alive.length < own.length ? 'ended' : (await answers(bed, component)) ? 'ready' : 'not ready';
  const memory = await Promise.all(alive.map(({ pid }) => residentBytes(pid)));
  return {
    name,
    state,
    startSeconds: note?.seconds,
    since: alive[0]?.startedAt ?? note?.at,
    pids: alive.map(({ pid }) => pid),
    residentBytes: memory.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** A question that fails or takes long is a no. */
async function answers(bed: Bed, component: Component): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ANSWER_MS);
  try {
    return await Promise.race([component.isReady(bed), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

async function readNote(bed: Bed, name: string): Promise<StartNote | undefined> {
  const text = await readFile(join(bed.root, 'components', `${name}.json`), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as StartNote);
}

/** Resident memory of all that runs in pods. */
export async function podBytes({ root }: BedPlace): Promise<number> {
  const group = `:/${podCgroup(root)}/`;
  const inPods = (await listProcesses()).filter(({ cgroups }) => cgroups.some((line) => line.includes(group)));
  return (await Promise.all(inPods.map(({ pid }) => residentBytes(pid)))).reduce((sum, bytes) => sum + bytes, 0);
}

/** The rows as a table for people; the memory of pods and a total below. */
export function statusTable(rows: readonly StatusRow[], pods: number): string {
  const cells = rows.map((row) => [
    row.name,
    row.state,
    row.startSeconds === undefined ? '' : `${row.startSeconds.toFixed(1)} s`,
    row.since?.slice(0, 19).replace('T', ' ') ?? '',
    row.pids.join(' '),
    row.residentBytes === 0 ? '' : mebibytes(row.residentBytes),
  ]);
  const total = rows.reduce((sum, row) => sum + row.residentBytes, pods);
  const sums = [
    ['', '', '', '', 'pods', mebibytes(pods)],
    ['', '', '', '', 'all', mebibytes(total)],
  ];
  const table = [['COMPONENT', 'STATE', 'START', 'SINCE (UTC)', 'PID', 'RSS'], ...cells, ...sums];
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const isNumber = (column: number): boolean => column === 2 || column >= 4;
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ');
  return table.map((row) => line(row).trimEnd()).join('\n');
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
