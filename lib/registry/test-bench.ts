// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RegistryServer, type RegistryServerOptions, startRegistry } from '../../cli/services/registry/registry.ts';
import { createHttp } from '../http/http.ts';
import { silentLogger } from '../log/log.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import { createRegistry, type Registry, type RegistryOptions } from './client.ts';
import { anonymousCredentials } from './credentials.ts';
import { MEDIA_TYPE } from './oci.ts';

/** For tests: an embedded registry on disk, clients of it over real HTTP, and what wants closing afterwards. */
export type Bench = {
  server: RegistryServer;
  /** `host:port`. */
  host: string;
  dir: string;
  client(options?: Partial<RegistryOptions>): Registry;
  close(): Promise<void>;
};

/** Starts one; retries of its clients take no time. */
export async function startBench(options: Partial<RegistryServerOptions> = {}): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'registry-'));
  const server = await startRegistry({ dir, host: '127.0.0.1', port: 0, log: silentLogger, ...options });
  const http = createHttp({ log: silentLogger, env: {}, retry: { attempts: 4, baseMs: 1, capMs: 1 }, sleep: async () => undefined });
  return {
    server,
    host: `127.0.0.1:${server.port}`,
    dir,
    client: (more) => createRegistry({ http, credentials: anonymousCredentials, log: silentLogger, sleep: async () => undefined, ...more }),
    async close() {
      http.close();
      await server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Pushes a small image whose digest depends on `text`, tagged `tag` when given. */
export async function pushImage(registry: Registry, host: string, repository: string, text: string, tag?: string): Promise<DigestReference> {
  const name = { registry: host, repository };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', note: text }));
  const layer = Buffer.from(`layer of ${text}`);
  for (const bytes of [config, layer]) await registry.putBlob(name, bytes);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: { mediaType: MEDIA_TYPE.ociConfig, digest: sha256Digest(config), size: config.length },
    layers: [{ mediaType: MEDIA_TYPE.ociLayer, digest: sha256Digest(layer), size: layer.length }],
  };
  const { digest } = await registry.putManifest({ ...name, ...(tag !== undefined && { tag }) }, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.ociManifest);
  return { ...name, digest };
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
