// SPDX-License-Identifier: Apache-2.0
/** Loaded before a step (`node --import`): writes whom the process tries to reach to the file RECORD_SOCKETS, a line each: host:port, or `lookup NAME`, `udp`, `program`. */
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import net from 'node:net';
import process from 'node:process';

const file = process.env['RECORD_SOCKETS'] ?? '';

// biome-ignore lint/suspicious/noExplicitAny: whatever the function takes
type Any = any;

/** Calls `tell` with the arguments of every call of `object[name]`. */
function watch(object: Any, name: string, tell: (args: Any[]) => string): void {
  const original = object[name];
  object[name] = function watched(this: Any, ...args: Any[]): Any {
    appendFileSync(file, `${tell(args)}\n`);
    return original.apply(this, args);
  };
}

// What node:net hands on to itself is an array of options and callback.
watch(net.Socket.prototype, 'connect', ([first]) => {
  const options = Array.isArray(first) ? first[0] : first;
  return options?.path ?? `${options?.host}:${options?.port}`;
});
for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6']) watch(dns, name, ([host]) => `lookup ${host}`);
watch(dgram, 'createSocket', () => 'udp');
for (const name of ['spawn', 'fork', 'exec', 'execFile', 'spawnSync', 'execFileSync']) watch(childProcess, name, () => 'program');
