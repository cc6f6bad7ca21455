// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { inject } from 'vitest';
import { type FaultRequest, type RegistryServer, startRegistry } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { createHttp } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { formatReference } from '../../lib/reference/reference.ts';
import { createRegistry, type Registry } from '../../lib/registry/client.ts';
import { anonymousCredentials } from '../../lib/registry/credentials.ts';
import { MEDIA_TYPE } from '../../lib/registry/oci.ts';
import { startTestLog, type TestLog, trustedRootJson } from '../../lib/sigstore/test-log.ts';
import { runStep, type StepEnd } from '../step/spawn-step.ts';
import { type CommandResult, runCommand, succeeded } from './run-command.ts';

export const KEYS = {
  'ECDSA P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'ECDSA P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'RSA 2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  Ed25519: () => generateKeyPairSync('ed25519').privateKey,
} as const satisfies Record<string, () => KeyObject>;
export type KeyType = keyof typeof KEYS;

/** Folders and files of one key pair, as our step (`folder`) and cosign (`imported`) want them. */
export type KeyFiles = { folder: string; publicKey: string; imported: string; key: KeyObject };

const PASSWORD = 'nine-grey-cranes';
export const SBOM = { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [] };

/** Two registries in this process, with the referrers API and without, a log, our steps as processes, and the real cosign. */
export type Kit = {
  hosts: { api: string; tag: string };
  client: Registry;
  log: TestLog;
  trustedRoot: string;
  /** A signing config that names no service. */
  noServices: string;
  /** What goes wrong with requests to the registry with the API from now on. */
  faults: { api: ((request: FaultRequest) => Fault | undefined) | undefined };
  keys: Readonly<Record<KeyType, KeyFiles>>;
  push: Readonly<Record<ArtifactKind, (host: string, name: string) => Promise<string>>>;
  sign(image: string, key: KeyFiles, params: Record<string, string>): Promise<StepEnd>;
  cosign(args: readonly string[]): Promise<CommandResult>;
  close(): Promise<void>;
};

export async function openKit(): Promise<Kit> {
  const folder = await mkdtemp(join(tmpdir(), 'cosign-matrix-'));
  const faults: Kit['faults'] = { api: undefined };
  const servers = await Promise.all(
    [true, false].map((referrers) =>
      startRegistry({
        dir: join(folder, `registry-${referrers}`),
        host: '127.0.0.1',
        port: 0,
        log: silentLogger,
        referrers,
        ...(referrers && { faults: (request) => faults.api?.(request) }),
      }),
    ),
  );
  const [api = '', tag = ''] = servers.map(({ url }: RegistryServer) => new URL(url).host);
  const log = await startTestLog();
  const http = createHttp({ log: silentLogger, retry: { attempts: 2, baseMs: 1, capMs: 1 } });
  const client = createRegistry({ http, credentials: anonymousCredentials, log: silentLogger });
  const [trust, reports] = [join(folder, 'trust'), join(folder, 'reports')];
  for (const dir of [trust, reports]) await mkdir(dir);
  const trustedRoot = join(trust, 'trusted_root.json');
  await writeFile(trustedRoot, trustedRootJson(log.running.trustedLog));
  await writeFile(join(reports, 'bom.json'), JSON.stringify(SBOM));
  const noServices = join(folder, 'no-services.json');
  await writeFile(noServices, '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}');
  const cosign: Kit['cosign'] = (args) =>
    runCommand(inject('cosign'), args, { cwd: reports, env: { PATH: process.env['PATH'], HOME: folder, COSIGN_PASSWORD: PASSWORD } });
  const keys = await keyFiles(folder, cosign);
  return {
    hosts: { api, tag },
    client,
    log,
    trustedRoot,
    noServices,
    faults,
    keys,
    push: {
      image: (host, name) => pushManifest(client, host, name, MEDIA_TYPE.ociConfig, MEDIA_TYPE.ociLayer),
      chart: (host, name) =>
        pushManifest(client, host, name, 'application/vnd.cncf.helm.config.v1+json', 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'),
      index: (host, name) => pushIndex(client, host, name),
    },
    sign: (image, key, params) =>
      runStep({
        task: 'cosign-sign',
        params: { image, 'trusted-root': 'trusted_root.json', ...(params['log'] !== 'never' && { 'rekor-url': log.running.url }), ...params },
        workspaces: { trust, reports, 'signing-key': key.folder },
      }),
    cosign,
    async close() {
      http.close();
      await log.close();
      await Promise.all(servers.map((server) => server.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type ArtifactKind = 'image' | 'chart' | 'index';

async function keyFiles(folder: string, cosign: Kit['cosign']): Promise<Kit['keys']> {
  const made = Object.entries(KEYS).map(async ([type, make]) => {
    const dir = await mkdtemp(join(folder, 'key-'));
    const key = make();
    const [pem, publicKey, imported] = [join(dir, 'cosign.key'), join(dir, 'cosign.pub'), join(dir, 'imported')];
    await writeFile(pem, key.export({ format: 'pem', type: 'pkcs8' }));
    await writeFile(publicKey, createPublicKey(key).export({ format: 'pem', type: 'spki' }));
    succeeded(await cosign(['import-key-pair', '--key', pem, '--output-key-prefix', imported, '--yes']), `cosign import-key-pair, ${type}`);
    return [type, { folder: dir, publicKey, imported: `${imported}.key`, key: createPublicKey(key) }] as const;
  });
  return Object.fromEntries(await Promise.all(made)) as Kit['keys'];
}

async function pushManifest(client: Registry, host: string, name: string, configType: string, layerType: string): Promise<string> {
  const ref = { registry: host, repository: name };
  const [config, layer] = [Buffer.from(JSON.stringify({ name, rootfs: { type: 'layers', diff_ids: [] } })), Buffer.from(`layer of ${name}`)];
  for (const bytes of [config, layer]) await client.putBlob(ref, bytes);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: { mediaType: configType, digest: sha256Digest(config), size: config.length },
    layers: [{ mediaType: layerType, digest: sha256Digest(layer), size: layer.length }],
  };
  const { digest } = await client.putManifest(ref, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.ociManifest);
  return formatReference({ ...ref, digest });
}

/** An index over two images; both lie in its repository. */
async function pushIndex(client: Registry, host: string, name: string): Promise<string> {
  const ref = { registry: host, repository: name };
  const manifests = [];
  for (const architecture of ['amd64', 'arm64']) {
    const config = Buffer.from(JSON.stringify({ name, architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }));
    await client.putBlob(ref, config);
    const child = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: { mediaType: MEDIA_TYPE.ociConfig, digest: sha256Digest(config), size: config.length },
      layers: [],
    };
    const written = await client.putManifest(ref, Buffer.from(JSON.stringify(child)), MEDIA_TYPE.ociManifest);
    manifests.push({ mediaType: written.mediaType, digest: written.digest, size: written.size, platform: { os: 'linux', architecture } });
  }
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }));
  const { digest } = await client.putManifest(ref, index, MEDIA_TYPE.ociIndex);
  return formatReference({ ...ref, digest });
}
