// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { openSetting, type Setting } from '../../../services/admission-provider/test-setting.ts';
import { startProvider } from '../provider.ts';
import { askAll, askAtRate, openAsker, quantile } from './ask.ts';
import { startRepositoryFront } from './repository-front.ts';

/** Most that the numbers may be; milliseconds and MiB. */
const LIMITS = { warmP99: 5, coldP99: 300, rss: 200 };
const KEYS_PER_SECOND = 500;
const COLD_PER_SECOND = 20;
const COLD_COUNT = 200;

const OPTIONS = {
  digests: { type: 'string', default: '10000' },
  seconds: { type: 'string', default: '20' },
  'cpu-profile': { type: 'string' },
  'node-flags': { type: 'string', default: '' },
  check: { type: 'boolean', default: false },
} as const;

/**
 * The built provider as a process, asked over mTLS: cold answers (one judgement each, evidence on loopback), the memory with so many digests kept, and warm answers at 500 keys a second.
 * Prints the figures; with --check a figure over its limit ends it with 1. --cpu-profile FOLDER writes a profile of the provider; --node-flags tries flags of Node.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  const [digests, seconds] = [Number(values.digests), Number(values.seconds)];
  const setting = await openSetting();
  const front = await startRepositoryFront(await setting.signedImage());
  const profile = values['cpu-profile'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values['cpu-profile']}`];
  const provider = await startFor(setting, digests, [...profile, ...values['node-flags'].split(' ').filter(Boolean)]);
  const asker = await openAsker(provider.asking);
  try {
    await askAll(asker, 50, 4, (at) => front.imageAt(digests + COLD_COUNT + at));
    const cold = await askAtRate(asker, COLD_PER_SECOND, COLD_COUNT, (at) => front.imageAt(digests + at));
    await askAll(asker, digests, 16, front.imageAt);
    const rss = await residentMib(provider.pid);
    await askAtRate(asker, KEYS_PER_SECOND, KEYS_PER_SECOND, (at) => front.imageAt((at * 7919) % digests));
    const before = front.requests();
    const warm = await askAtRate(asker, KEYS_PER_SECOND, KEYS_PER_SECOND * seconds, (at) => front.imageAt((at * 7919) % digests));
    if (front.requests() !== before) throw new Error('warm answers asked the registry');
    const figures = { coldP50: quantile(cold, 0.5), coldP99: quantile(cold, 0.99), rss, warmP50: quantile(warm, 0.5), warmP99: quantile(warm, 0.99) };
    for (const [name, value] of Object.entries(figures)) console.log(`${name}\t${value.toFixed(2)} ${name === 'rss' ? `MiB with ${digests} digests` : 'ms'}`);
    console.log(serverSide(await (await fetch(`${provider.health}/metrics`)).text()));
    const over = Object.entries(LIMITS).filter(([name, limit]) => figures[name as keyof typeof LIMITS] > limit);
    for (const [name, limit] of over) console.log(`${name} is over its limit of ${limit}`);
    if (values.check && over.length > 0) process.exitCode = 1;
  } finally {
    asker.close();
    await provider.stop();
    await front.close();
    await setting.close();
  }
}

async function startFor(setting: Setting, digests: number, nodeFlags: readonly string[]): ReturnType<typeof startProvider> {
  const root = join(setting.root, 'process');
  await mkdir(root);
  // The deadline is no part of what is measured: a late answer shall count as the time that it took.
  const flags = ['--deadline=20s', '--work-limit=30s', '--reload=10s', '--pass-ttl=1h', `--cache-entries=${digests + 1000}`, '--cache-mib=256'];
  return startProvider({ root, policy: join(setting.root, 'policy'), trust: join(setting.root, 'trust') }, flags, nodeFlags);
}

async function residentMib(pid: number): Promise<number> {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** How the provider saw its requests itself, which no noise of this process is in. */
function serverSide(metrics: string): string {
  const lines = metrics.split('\n').filter((line) => line.startsWith('admission_provider_request_seconds'));
  return ['as the provider saw it, over all phases:', ...lines.map((line) => `  ${line.replace('admission_provider_', '')}`)].join('\n');
}

await main();
