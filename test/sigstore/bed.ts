// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { readRecord } from '../cluster/bed/daemon.ts';
import { bedPlace, NODE_ADDRESS } from '../cluster/bed/state.ts';
import { sigstoreEndpoints } from '../cluster/components/sigstore/endpoints.ts';
import { mintToken as mint, type TokenRequest } from '../cluster/components/sigstore/oidc-issuer.ts';
import { trustFiles } from '../cluster/components/sigstore/trust-files.ts';
import type { CommandResult } from '../cosign/run-command.ts';

const place = bedPlace(process.env);
const MAIN = join(import.meta.dirname, '../cluster/main.ts');

/** Where the servers of the stack are, and the files that its clients get. */
export const SERVERS = sigstoreEndpoints(NODE_ADDRESS);
export const TRUST = trustFiles(place.root);
/** The registry with the referrers API. */
export const REGISTRY = `${NODE_ADDRESS}:5000`;

export function mintToken(request: TokenRequest): Promise<string> {
  return mint({ root: place.root, node: NODE_ADDRESS }, request);
}

/** Runs the command of the bed. Building what is missing takes minutes, so it has no time-out of its own. */
export async function runBed(args: readonly string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [[code], stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  return { code: code ?? 255, stdout, stderr };
}

/** Sends a signal to a daemon of the bed. */
export async function signalDaemon(name: string, signal: NodeJS.Signals): Promise<void> {
  const record = await readRecord(place, name);
  if (record === undefined) throw new Error(`the bed has no daemon ${name}`);
  process.kill(record.pid, signal);
}
