// SPDX-License-Identifier: Apache-2.0
import type { Fault as LogFault } from '../../cli/services/log/server.ts';
import type { Fault as RegistryFault } from '../../cli/services/registry/reply.ts';
import type { ErrorKind } from '../../lib/errors/errors.ts';
import type { WireRequest } from '../step/bench.ts';

/** What a service does with one request: cuts the connection, does the work and cuts then, or answers with a status. */
type Wrong = 'cut' | 'lost' | { status: number; headers?: Record<string, string> };

/**
 * A fault at one request of a step: what happens to that request, for how long the service goes on like this (`rest`, what it does to later requests; none: it was once), and how the step has to end.
 * `ok`: the same run gets over it. `killed`: the process is gone. Else it fails with this kind, and with this code where the table names one.
 */
export type Fault = {
  name: string;
  first: Wrong;
  rest?: { what: Wrong; forMs: number };
  ends: 'ok' | 'killed' | { kind: ErrorKind; code?: string };
  /** The step has to wait so long. */
  waitsMs?: number;
};

const FOREVER = Number.POSITIVE_INFINITY;
const BUSY = { status: 429, headers: { 'retry-after': '30' } };
const BUSY_FOR_AN_HOUR = { status: 429, headers: { 'retry-after': '3600' } };
const BAD_GATEWAY = { status: 502 };
const FORBIDDEN = { status: 403 };

const CUTS: readonly Fault[] = [
  { name: 'cut for good', first: 'cut', rest: { what: 'cut', forMs: FOREVER }, ends: { kind: 'transient', code: 'HTTP_UNREACHABLE' } },
  { name: 'answer lost, then cut for good', first: 'lost', rest: { what: 'cut', forMs: FOREVER }, ends: { kind: 'transient', code: 'HTTP_UNREACHABLE' } },
];
const KILLS: readonly Fault[] = [
  { name: 'killed before the request is handled', first: 'cut', ends: 'killed' },
  { name: 'killed after the request is handled', first: 'lost', ends: 'killed' },
];

/** What services do that are busy, being restarted, or do not want us. */
export const TROUBLES: readonly Fault[] = [
  { name: 'cut once', first: 'cut', ends: 'ok' },
  { name: 'answer lost once', first: 'lost', ends: 'ok' },
  { name: '429 once, Retry-After 30 s', first: BUSY, ends: 'ok', waitsMs: 30_000 },
  {
    name: '429, Retry-After one hour',
    first: BUSY_FOR_AN_HOUR,
    rest: { what: BUSY_FOR_AN_HOUR, forMs: FOREVER },
    ends: { kind: 'transient', code: 'HTTP_THROTTLED' },
  },
  { name: '502 for ten minutes', first: BAD_GATEWAY, rest: { what: BAD_GATEWAY, forMs: 10 * 60_000 }, ends: { kind: 'transient', code: 'HTTP_SERVER_ERROR' } },
  { name: '403 for good', first: FORBIDDEN, rest: { what: FORBIDDEN, forMs: FOREVER }, ends: { kind: 'refused' } },
];

const DRAWN_TROUBLES = 2;

/** The faults for one request: a cut, a kill and two troubles, drawn anew for each, so that other ones meet every day; or `all` of them. */
export function faultsFor(random: () => number, all: boolean): readonly Fault[] {
  if (all) return [...CUTS, ...KILLS, ...TROUBLES];
  return [...drawn(CUTS, 1, random), ...drawn(KILLS, 1, random), ...drawn(TROUBLES, DRAWN_TROUBLES, random)];
}

function drawn(faults: readonly Fault[], count: number, random: () => number): Fault[] {
  const left = [...faults];
  return Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)).flat();
}

export function registryFault(wrong: Wrong): RegistryFault {
  return typeof wrong === 'string' ? { kind: wrong } : { kind: 'reply', ...wrong };
}

/** The log reads nothing but entries, so that nobody can tell a lost answer to another request from a cut. */
export function logFault(wrong: Wrong, { method }: Pick<WireRequest, 'method'>): LogFault {
  if (wrong === 'lost') return { kind: method === 'POST' ? 'cut-answer' : 'cut' };
  return wrong === 'cut' ? { kind: 'cut' } : { kind: 'answer', ...wrong };
}
