// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { bundleTask } from '../../scripts/build/bundle.ts';
import { gatekeeperCa, gatekeeperPair } from '../../services/admission-provider/test-certificates.ts';
import { PROJECT } from '../step/bundles.ts';
import { type Asking, runProgram, SERVICE } from './gator.ts';

/** The bundle of the service as a process, with certificates made as its README says. */
export type Provider = { pid: number; asking: Asking; health: string; stderr(): string; stop(): Promise<number | null> };

/** `host` is the address that it listens on and is asked at, loopback unless told. */
export type ProviderFiles = { root: string; policy: string; trust: string; host?: string };

/** Starts one; `flags` come last, `nodeFlags` are for Node itself. */
export async function startProvider(
  { root, policy, trust, host = '127.0.0.1' }: ProviderFiles,
  flags: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): Promise<Provider> {
  await bundleTask(PROJECT, 'admission-provider', { write: true, room: 'services' });
  const tls = await makeCertificates(root, host);
  await writeFile(join(root, 'gatekeeper-ca.crt'), gatekeeperCa);
  for (const part of ['cert', 'key'] as const) await writeFile(join(root, `gatekeeper.${part}`), gatekeeperPair[part]);
  const args = [
    ...[
      `--host=${host}`,
      '--port=0',
      '--health-port=0',
      '--reload=100ms',
      '--drain=10ms',
      `--policy-folder=${policy}`,
      `--trusted-root=${join(trust, 'trusted_root.json')}`,
    ],
    ...[`--tls-cert=${join(tls, 'tls.crt')}`, `--tls-key=${join(tls, 'tls.key')}`, `--client-ca=${join(root, 'gatekeeper-ca.crt')}`, ...flags],
  ];
  const child = spawn(process.execPath, [...nodeFlags, join(PROJECT, 'dist/admission-provider.cjs'), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
    cwd: root,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const { port, health } = await listening(child, () => said);
  return {
    pid: child.pid ?? 0,
    asking: {
      url: `https://${host}:${port}/validate`,
      ca: await readFile(join(tls, 'ca.crt'), 'utf8'),
      client: { cert: join(root, 'gatekeeper.cert'), key: join(root, 'gatekeeper.key') },
    },
    health: `http://${host}:${health}`,
    stderr: () => said,
    async stop() {
      const ended = once(child, 'exit') as Promise<[number | null]>;
      child.kill('SIGTERM');
      return (await ended)[0];
    },
  };
}

async function listening(child: ChildProcess, said: () => string): Promise<{ port: number; health: number }> {
  for (;;) {
    const line = said()
      .split('\n')
      .find((text) => text.includes('admission-provider is up'));
    if (line !== undefined) return JSON.parse(line);
    if (child.exitCode !== null) throw new Error(`the provider ended with ${child.exitCode}: ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Runs the recipe of the README, for an address. */
async function makeCertificates(root: string, host: string): Promise<string> {
  const dir = join(root, 'tls');
  await mkdir(dir, { recursive: true });
  const readme = await readFile(join(SERVICE, 'README.md'), 'utf8');
  const recipe = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text = '']) => text).find((text) => text.includes('openssl req'));
  if (recipe === undefined) throw new Error('the README has no recipe for certificates');
  const script = recipe.replace('DNS:admission-provider.admission-provider.svc', `DNS:localhost,IP:${host}`);
  const { code, output } = await runProgram('bash', ['-euc', script], dir);
  if (code !== 0 || script === recipe) throw new Error(`the recipe for certificates in the README fails: ${output}`);
  return dir;
}
