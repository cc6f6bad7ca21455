// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { runCommand } from './run-command.ts';

/** Ways to see that a program speaks to nobody but this machine: `namespace` gives it a network with nothing but loopback, `trace` records whom it tries to reach. */
export type Isolation = { namespace: boolean; trace: boolean };

const LOOPBACK_ONLY = ['unshare', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];

/** What this machine permits; both false when there is no way to tell. */
export async function availableIsolation(): Promise<Isolation> {
  const works = async ([command = '', ...args]: readonly string[]): Promise<boolean> => {
    const result = await runCommand(command, args, { cwd: '/', env: process.env }).catch(() => undefined);
    return result?.code === 0;
  };
  const namespace = await works([...LOOPBACK_ONLY, 'true']);
  return { namespace, trace: await works([...(namespace ? LOOPBACK_ONLY : []), ...tracing('/dev/null'), 'true']) };
}

/** The command line that runs `command` isolated, with the trace in `traceFile`. */
export function isolated(isolation: Isolation, traceFile: string, command: readonly string[]): string[] {
  return [...(isolation.namespace ? LOOPBACK_ONLY : []), ...(isolation.trace ? tracing(traceFile) : []), ...command];
}

function tracing(traceFile: string): string[] {
  return ['strace', '-f', '--seccomp-bpf', '-qq', '-e', 'trace=connect,sendto,sendmsg,sendmmsg', '-e', 'signal=none', '-o', traceFile];
}

/** The internet addresses that the traced programs tried to reach, each once. */
export async function tracedAddresses(traceFile: string): Promise<string[]> {
  const trace = await readFile(traceFile, 'utf8');
  const found = trace.matchAll(/sin_addr=inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/g);
  return [...new Set([...found].map(([, v4, v6]) => v4 ?? v6 ?? ''))].sort();
}

/** The addresses that are not on this machine. */
export function foreign(addresses: readonly string[]): string[] {
  return addresses.filter((address) => !/^(::ffff:)?127\./.test(address) && address !== '::1');
}
