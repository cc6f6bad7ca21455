// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { inputError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { run } from './commands.ts';

/** What the bed, kubelet and kube-proxy change of the kernel, for the whole machine. */
const SETTINGS = [
  'kernel.panic',
  'kernel.panic_on_oops',
  'net.bridge.bridge-nf-call-iptables',
  'net.ipv4.conf.all.route_localnet',
  'net.ipv4.ip_forward',
  'vm.overcommit_memory',
  'vm.panic_on_oom',
] as const;

type Setting = (typeof SETTINGS)[number];
const FILE = 'kernel.json';
const Saved = z.partialRecord(z.enum(SETTINGS), z.string());

/** Remembers the settings as they are, unless an earlier run of this bed has. */
export async function saveSettings(root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const file = join(root, FILE);
  if (existsSync(file)) return;
  const saved: Partial<Record<Setting, string>> = {};
  for (const name of SETTINGS) if (existsSync(pathOf(name))) saved[name] = (await readFile(pathOf(name), 'utf8')).trim();
  await writeAtomic(file, JSON.stringify(saved));
}

/** Puts the remembered settings back where they differ. */
export async function restoreSettings(root: string): Promise<void> {
  const file = join(root, FILE);
  if (!existsSync(file)) return;
  const saved = Saved.parse(JSON.parse(await readFile(file, 'utf8')));
  for (const [name, value] of Object.entries(saved)) await setOne(name as Setting, value);
}

/** Throws StepError input `KERNEL_SETTING_MISSING`. */
export async function setKernel(settings: Partial<Record<Setting, string>>): Promise<void> {
  const isBridge = Object.keys(settings).some((name) => name.startsWith('net.bridge.'));
  // Where that does not help, the next line says what is missing.
  if (isBridge && !existsSync('/proc/sys/net/bridge')) await run('modprobe', ['br_netfilter']).catch(() => undefined);
  for (const [name, value] of Object.entries(settings)) await setOne(name as Setting, value);
}

async function setOne(name: Setting, value: string): Promise<void> {
  const path = pathOf(name);
  if (!existsSync(path)) throw inputError('KERNEL_SETTING_MISSING', `the kernel has no ${name}`, { hint: 'load its module (modprobe br_netfilter)' });
  if ((await readFile(path, 'utf8')).trim() !== value) await writeFile(path, value);
}

/** None of these names has a dot inside a part. */
function pathOf(name: Setting): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}
