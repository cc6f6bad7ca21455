// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REGISTRY, SERVERS, TRUST } from '../bed.ts';
import { startFarServer } from './far.ts';
import { startTlsFront } from './tls-front.ts';

/** How the services of the stack are reached: the registry's `host:port` with TLS, and a folder with `signing-config.json`, `trusted_root.json` and `registry-ca.crt`. */
export type Place = { registry: string; trust: string };
export type Places = { near: Place; far: Place; close(): Promise<void> };

const SERVICES = [SERVERS.fulcio, SERVERS.tsa, SERVERS.rekorV1].map((url) => new URL(url).host);

/** The stack with its registry behind TLS, and the same with each server (Fulcio, timestamp authority, Rekor v1, registry) behind a proxy of its own that makes round trips longer. */
export async function openPlaces(folder: string, roundTripMs: number): Promise<Places> {
  const front = await startTlsFront(REGISTRY, join(folder, 'tls'));
  const registry = await startFarServer(front.host, roundTripMs);
  const proxies = await Promise.all(SERVICES.map(async (host) => ({ host, ...(await startProxy(host, roundTripMs)) })));
  const far = (text: string): string => proxies.reduce((done, { host, proxy }) => done.replaceAll(`http://${host}`, `http://${proxy}`), text);
  const trust = async (name: string, change: (text: string) => string): Promise<string> => {
    const written = await writeTrust(join(folder, name), change);
    await copyFile(front.caFile, join(written, 'registry-ca.crt'));
    return written;
  };
  return {
    near: { registry: front.host, trust: await trust('near', (text) => text) },
    far: { registry: registry.host, trust: await trust('far', far) },
    async close() {
      for (const { close } of [...proxies, registry, front]) await close();
    },
  };
}

async function startProxy(target: string, roundTripMs: number): Promise<{ proxy: string; close(): Promise<void> }> {
  const { host, close } = await startFarServer(target, roundTripMs);
  return { proxy: host, close };
}

async function writeTrust(folder: string, change: (text: string) => string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'signing-config.json'), change(await readFile(TRUST.signingConfigV1, 'utf8')));
  await writeFile(join(folder, 'trusted_root.json'), change(await readFile(TRUST.trustedRoot, 'utf8')));
  return folder;
}
