// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Laptop, startLaptop } from '../../lib/evidence/test-laptop.ts';
import type { DigestReference } from '../../lib/reference/reference.ts';
import { trustedRootJson } from '../../lib/sigstore/test-log.ts';
import { PROTOCOL_VERSION, type ProviderResponse } from './protocol.ts';
import { gatekeeperCa, gatekeeperPair, serverCa, serverPair, type TestPair } from './test-certificates.ts';

/** Signed and logged by `release`; an SBOM is only asked for. */
export const POLICY = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata: { name: small }
signers: [{ name: release, key: { file: cosign.pub } }]
rules:
  - { id: signed, type: signature, signers: { any: [release] } }
  - { id: logged, type: log-entry, signers: { any: [release] } }
  - { id: bom, type: sbom, level: warn, signers: { any: [release] } }
`;

/** Embedded registry and log, and the folders that the Deployment would have mounted. */
export type Setting = {
  laptop: Laptop;
  root: string;
  /** Writes a file below `root`. */
  write(path: string, text: string): Promise<void>;
  /** A new image that passes the policy. */
  signedImage(): Promise<DigestReference>;
  /** The flags that name all this. */
  args: string[];
  close(): Promise<void>;
};

/** Opens one; its policy is `POLICY`. */
export async function openSetting(): Promise<Setting> {
  const laptop = await startLaptop();
  const root = await mkdtemp(join(tmpdir(), 'admission-'));
  const write: Setting['write'] = (path, text) => writeFile(join(root, path), text);
  for (const folder of ['policy', 'trust', 'tls', 'gatekeeper', 'registry', 'logins']) await mkdir(join(root, folder));
  await write('policy/policy.yaml', POLICY);
  await write('policy/cosign.pub', laptop.key.key.export({ type: 'spki', format: 'pem' }).toString());
  await write('trust/trusted_root.json', trustedRootJson(laptop.log.running.trustedLog));
  await write('tls/tls.crt', serverPair.cert);
  await write('tls/tls.key', serverPair.key);
  await write('gatekeeper/ca.crt', gatekeeperCa);
  const files = {
    'policy-folder': 'policy',
    'trusted-root': 'trust/trusted_root.json',
    'docker-config': 'registry',
    'namespace-logins': 'logins',
    'tls-cert': 'tls/tls.crt',
    'tls-key': 'tls/tls.key',
    'client-ca': 'gatekeeper/ca.crt',
  };
  return {
    laptop,
    root,
    write,
    async signedImage() {
      const image = await laptop.image();
      await laptop.attest(image, 'now');
      return image;
    },
    args: ['--host=127.0.0.1', '--port=0', '--health-port=0', ...Object.entries(files).map(([flag, path]) => `--${flag}=${join(root, path)}`)],
    async close() {
      await laptop.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** The key about an image that is to run in namespace `shop`. */
export const keyOf = (image: string): string => `shop|${image}`;

/** One HTTPS client as Gatekeeper is one: keeps its connection, shows its certificate. */
export type Client = {
  /** Asks about images that are to run in namespace `shop`, or to `/mutate` about values. */
  ask(images: string[], path?: string): Promise<Answer>;
  send(path: string, body: string | Buffer, method?: string): Promise<Answer>;
  close(): void;
};
export type Answer = { status: number; response: ProviderResponse['response']; connection: string | undefined; port: number | undefined };

export function openClient(port: number, options: { pair?: TestPair | undefined; ca?: string; maxVersion?: 'TLSv1.2' } = {}): Client {
  const { pair = gatekeeperPair, ca = serverCa, ...more } = options;
  const shown = 'pair' in options && options.pair === undefined ? {} : pair;
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, ...shown, ...more });
  const send = (path: string, body: string | Buffer, method = 'POST'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, method, agent, headers: { 'content-type': 'application/json' } }, (response) => {
        const chunks: Buffer[] = [];
        const from = response.socket.localPort;
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { response: inner } = JSON.parse(Buffer.concat(chunks).toString()) as ProviderResponse;
          resolve({ status: response.statusCode ?? 0, response: inner, connection: response.headers.connection, port: from });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return {
    send,
    ask: (images, path = '/validate') => {
      const keys = path === '/mutate' ? images : images.map(keyOf);
      return send(path, JSON.stringify({ apiVersion: PROTOCOL_VERSION, kind: 'ProviderRequest', request: { keys } }));
    },
    close: () => agent.destroy(),
  };
}
