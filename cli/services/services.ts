// SPDX-License-Identifier: Apache-2.0
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { inputError } from '../../lib/errors/errors.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import type { Logger } from '../../lib/log/log.ts';
import type { State } from '../state/state.ts';
import { startGit } from './git/server.ts';
import { startGrafeas } from './grafeas/server.ts';
import { startLog } from './log/server.ts';
import { startOnKeptPort } from './ports.ts';
import { startRegistry } from './registry/registry.ts';

const LOOPBACK = '127.0.0.1';
/** The project of notes and occurrences in the embedded metadata store. */
const PROJECT = 'laptop';

const ServicesDocument = z.object({
  pid: z.number().int().positive(),
  registry: z.object({ url: z.url(), host: z.string() }),
  log: z.object({ url: z.url(), origin: z.string() }),
  grafeas: z.object({ url: z.url(), project: z.string() }),
  git: z.object({ url: z.url(), repository: z.url(), folder: z.string() }),
  trustedRoot: z.string(),
  publicKey: z.string(),
});

/** Where the embedded services answer, and the files that others need to verify what they hold. */
export type Services = z.infer<typeof ServicesDocument>;
export type RunningServices = { services: Services; close(): Promise<void> };

/** The trusted root file that names the embedded log. */
export const TRUSTED_ROOT_FILE = 'trusted_root.json';

/** The services of this state folder: those that another process runs, or started in this process until `close`. */
export async function connectServices(state: State, log: Logger): Promise<RunningServices> {
  const running = await findServices(state);
  if (running) return { services: running, close: async () => {} };
  return startServices(state, log);
}

/** The services that another process runs for this state folder, undefined when none answers. Throws input SERVICES_FOREIGN for those of another version, beside which ours must not start. */
export async function findServices(state: State): Promise<Services | undefined> {
  const bytes = await readBoundedIfPresent(state.servicesFile, 64 * 1024, 'services file');
  if (bytes === undefined) return undefined;
  const found = parseOrNothing(bytes);
  const parsed = ServicesDocument.safeParse(found);
  if (!parsed.success) {
    await refuseOlder(found, state);
    return undefined;
  }
  if (!isAlive(parsed.data.pid)) return undefined;
  const { registry, log, grafeas, git } = parsed.data;
  const places = [
    `${registry.url}/v2/`,
    `${log.url}/api/v2/checkpoint`,
    `${grafeas.url}/v1beta1/projects/${grafeas.project}/notes?pageSize=1`,
    `${git.repository}/info/refs?service=git-upload-pack`,
  ];
  return (await Promise.all(places.map(answers))).every(Boolean) ? parsed.data : undefined;
}

const Older = z.object({ pid: z.number().int().positive(), registry: z.object({ url: z.url() }) });

async function refuseOlder(found: unknown, state: State): Promise<void> {
  const { data } = Older.safeParse(found);
  if (data === undefined || !isAlive(data.pid) || !(await answers(`${data.registry.url}/v2/`))) return;
  throw inputError('SERVICES_FOREIGN', `another version of this program runs the embedded services of ${state.root} (process ${data.pid})`, {
    hint: 'stop it first, or give another folder with --state',
  });
}

/** Starts registry, log, metadata store and Git server on loopback, writes the trusted root that names the log, and the services file that others find them by. */
export async function startServices(state: State, log: Logger): Promise<RunningServices> {
  const registry = await startOnKeptPort(state.registry, (port) => startRegistry({ dir: state.registry, host: LOOPBACK, port, log }));
  const rekor = await startOnKeptPort(state.log, (port) => startLog({ dir: state.log, host: LOOPBACK, port, log }));
  const grafeas = await startOnKeptPort(state.grafeas, (port) => startGrafeas({ dir: state.grafeas, host: LOOPBACK, port, log }));
  const git = await startOnKeptPort(state.git, (port) => startGit({ dir: state.git, host: LOOPBACK, port, log }));
  for (const { service, moved } of [registry, rekor, grafeas, git]) {
    if (moved) log.warn(`another program uses the port of an embedded service; it moved to ${service.url}, and references with the old port no longer work`);
  }
  const trustedRoot = join(state.trust, TRUSTED_ROOT_FILE);
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [rekor.service.trustedLog],
    certificateAuthorities: [],
    ctlogs: [],
    timestampAuthorities: [],
  };
  await writeAtomic(trustedRoot, `${JSON.stringify(root, undefined, 2)}\n`);
  const services: Services = {
    pid: process.pid,
    registry: { url: registry.service.url, host: new URL(registry.service.url).host },
    log: { url: rekor.service.url, origin: rekor.service.origin },
    grafeas: { url: grafeas.service.url, project: PROJECT },
    git: { url: git.service.url, repository: git.service.repository, folder: git.service.folder },
    trustedRoot,
    publicKey: join(state.keys, 'cosign.pub'),
  };
  await writeAtomic(state.servicesFile, `${JSON.stringify(services, undefined, 2)}\n`);
  const close = async (): Promise<void> => {
    await rm(state.servicesFile, { force: true });
    await Promise.all([registry, rekor, grafeas, git].map(({ service }) => service.close()));
  };
  return { services, close };
}

function parseOrNothing(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // A torn or foreign file means the same as no file: nothing is known to run.
    return undefined;
  }
}

/** Whether there is a process with this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).status < 500;
  } catch {
    return false;
  }
}
