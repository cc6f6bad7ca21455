// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../lib/log/log.ts';
import { sha256Digest } from '../../../lib/reference/digest.ts';
import { EMPTY_CONFIG, EMPTY_DESCRIPTOR, MEDIA_TYPE } from '../../../lib/registry/oci.ts';
import { type RegistryServer, type RegistryServerOptions, startRegistry } from './registry.ts';

export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer };

/** For tests: a registry in a folder of its own, and bare HTTP to it. */
export type RegistryKit = {
  dir: string;
  server: RegistryServer;
  /** Closes the server and starts one on the same folder. */
  restart(options?: Partial<RegistryServerOptions>): Promise<void>;
  ask(method: string, path: string, body?: Buffer, headers?: Record<string, string>): Promise<Answer>;
  /** Pushes to app/web in one request and gives the digest. */
  pushBlob(content: Buffer): Promise<string>;
  /** PUTs an artifact without layers to app/web, changed by `more`. */
  pushManifest(reference: string, more?: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
};

export async function startKit(): Promise<RegistryKit> {
  const dir = await mkdtemp(join(tmpdir(), 'embedded-registry-'));
  const start = (options: Partial<RegistryServerOptions> = {}): Promise<RegistryServer> =>
    startRegistry({ dir, host: '127.0.0.1', port: 0, log: silentLogger, ...options });
  const kit: RegistryKit = {
    dir,
    server: await start(),
    async restart(options) {
      await kit.server.close();
      kit.server = await start(options);
    },
    ask: (method, path, body, headers = {}) => ask(`${kit.server.url}${path}`, method, body, headers),
    async pushBlob(content) {
      const digest = sha256Digest(content);
      const { status } = await kit.ask('POST', `/v2/app/web/blobs/uploads/?digest=${digest}`, content);
      if (status !== 201) throw new Error(`pushing a blob gave ${status}`);
      return digest;
    },
    async pushManifest(reference, more = {}, headers = {}) {
      await kit.pushBlob(EMPTY_CONFIG);
      const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: EMPTY_DESCRIPTOR, layers: [], ...more };
      const bytes = Buffer.from(JSON.stringify(manifest));
      return kit.ask('PUT', `/v2/app/web/manifests/${reference}`, bytes, { 'content-type': MEDIA_TYPE.ociManifest, ...headers });
    },
    async close() {
      await kit.server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return kit;
}

/** The `code` of the first error in an error answer. */
export function codeOf(answer: Answer): string {
  return JSON.parse(answer.body.toString()).errors[0].code;
}

function ask(url: string, method: string, body: Buffer | undefined, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}
