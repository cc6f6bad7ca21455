// SPDX-License-Identifier: Apache-2.0
import { cpus, loadavg, totalmem } from 'node:os';
import process from 'node:process';

/** Processes that ran or waited to run, as a mean over the last minute. */
export function loadNow(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

/** What the numbers depend on, in words. */
export function machineWords(): string {
  const processors = cpus();
  return `${processors.length} cores (${processors[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}
