// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fault as LogFault, startLog } from '../../cli/services/log/server.ts';
import { type FaultRequest, startRegistry } from '../../cli/services/registry/registry.ts';
import type { Fault as RegistryFault } from '../../cli/services/registry/reply.ts';
import { openArtifact } from '../../lib/artifact/open-artifact.ts';
import { composeLayout, type Layout, writeLayout } from '../../lib/artifact/write-layout.ts';
import { createHttp } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { createRegistry, type Registry } from '../../lib/registry/client.ts';
import { copyArtifact } from '../../lib/registry/copy.ts';
import { anonymousCredentials } from '../../lib/registry/credentials.ts';
import { ensureBundles, PROJECT } from './bundles.ts';
import { writeLightKey } from './light-key.ts';

/** A request that a service got, in the order of arrival. */
export type WireRequest = { service: 'registry' | 'log'; method: string; path: string };

/** What a test does to the traffic. `watch` sees every request with its number (from 1 since the last `calm`) before it is answered. */
export type Wire = {
  registry?: ((request: FaultRequest) => RegistryFault | undefined) | undefined;
  log?: ((request: { method: string; path: string }) => LogFault | undefined) | undefined;
  watch?: ((request: WireRequest, number: number) => void) | undefined;
};

/** Embedded registry and log with hooks, and the folders that a Task would have mounted. */
export type Bench = {
  root: string;
  host: string;
  logUrl: string;
  client: Registry;
  workspaces: { 'signing-key': string; policy: string; trust: string; reports: string };
  wire: Wire;
  /** Requests since the last `calm`. */
  requests: WireRequest[];
  /** No faults any more, and counting from the start. */
  calm(): void;
  /** Pushes an image of its own into the repository; gives the digest reference. */
  pushImage(repository: string, layout?: Layout): Promise<string>;
  /** A new empty folder. */
  folder(name: string): Promise<string>;
  close(): Promise<void>;
};

/** A bench with one key. `referrers: false` makes its registry one without the referrers API; `bundles: false` is for who runs the steps in this process. */
export async function openBench({ referrers = true, bundles = true } = {}): Promise<Bench> {
  if (bundles) await ensureBundles();
  const root = await mkdtemp(join(tmpdir(), 'step-bench-'));
  const wire: Wire = {};
  const requests: WireRequest[] = [];
  const note = (request: WireRequest): void => {
    requests.push(request);
    wire.watch?.(request, requests.length);
  };
  const place = { host: '127.0.0.1', port: 0, log: silentLogger };
  const registry = await startRegistry({
    ...place,
    referrers,
    dir: join(root, 'registry'),
    faults: (request) => {
      note({ service: 'registry', method: request.method, path: request.path });
      return wire.registry?.(request);
    },
  });
  const log = await startLog({
    ...place,
    dir: join(root, 'log'),
    faults: (request) => {
      note({ service: 'log', ...request });
      return wire.log?.(request);
    },
  });
  const http = createHttp({ log: silentLogger });
  const client = createRegistry({ http, credentials: anonymousCredentials, log: silentLogger });
  const host = new URL(registry.url).host;
  const folder = async (name: string): Promise<string> => mkdtemp(join(root, `${name}-`));
  return {
    root,
    host,
    logUrl: log.url,
    client,
    workspaces: await makeWorkspaces(root, log.trustedLog),
    wire,
    requests,
    folder,
    calm() {
      Object.assign(wire, { registry: undefined, log: undefined, watch: undefined });
      requests.length = 0;
    },
    pushImage: async (repository, layout = tinyImage(repository)) => pushLayout({ client, host }, repository, layout, await folder('layout')),
    async close() {
      http.close();
      await Promise.all([registry.close(), log.close()]);
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Pushes the layout by way of a folder; gives the digest reference. */
export async function pushLayout({ client, host }: Pick<Bench, 'client' | 'host'>, repository: string, layout: Layout, dir: string): Promise<string> {
  await writeLayout(dir, layout);
  const { digest } = await copyArtifact(await openArtifact(dir), client, { registry: host, repository });
  return `${host}/${repository}@${digest}`;
}

/** An image with one Alpine and one npm package; another name makes another digest. */
export function tinyImage(name: string, platform = { os: 'linux', architecture: 'amd64' }): Layout {
  return composeLayout([imageParts(name, platform)]);
}

export function imageParts(name: string, platform = { os: 'linux', architecture: 'amd64' }): Parameters<typeof composeLayout>[0][number] {
  const files = [
    { path: 'etc/os-release', content: Buffer.from('ID=alpine\nVERSION_ID=3.22.0\n') },
    { path: 'lib/apk/db/installed', content: Buffer.from('P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\no:musl\n\n') },
    { path: 'app/node_modules/tiny/package.json', content: Buffer.from(JSON.stringify({ name: 'tiny', version: '1.0.0', license: 'MIT' })) },
    { path: 'app/name.txt', content: Buffer.from(name) },
  ];
  return { platform, layers: [{ files }] };
}

async function makeWorkspaces(root: string, trustedLog: unknown): Promise<Bench['workspaces']> {
  const make = async (name: string): Promise<string> => {
    await mkdir(join(root, name));
    return join(root, name);
  };
  const workspaces = { 'signing-key': await make('signing-key'), policy: await make('policy'), trust: await make('trust'), reports: await make('reports') };
  await writeLightKey({ key: workspaces['signing-key'], publicKey: workspaces.policy });
  await copyFile(join(PROJECT, 'lib/policy/sample-policy.yaml'), join(workspaces.policy, 'policy.yaml'));
  await writeFile(join(workspaces.trust, 'trusted_root.json'), JSON.stringify(trustedRoot([trustedLog])));
  return workspaces;
}

/** A Sigstore trusted root that believes these logs. */
export function trustedRoot(tlogs: unknown[]): Record<string, unknown> {
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs,
    certificateAuthorities: [],
    ctlogs: [],
    timestampAuthorities: [],
  };
}
