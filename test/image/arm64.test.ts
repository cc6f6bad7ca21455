// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTar } from '../../images/base/read-tar.ts';
import { collectBlob } from '../../lib/registry/content.ts';
import { VERSION } from '../../lib/step/version.ts';
import { IMAGES, STEPS, variantOf } from './images.ts';
import { type CommandResult, runCommand } from './run-command.ts';

const MAX_LAYER_BYTES = 512 * 1024 * 1024;
const QEMU = '/usr/bin/qemu-aarch64';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'arm64-'));
  const [first = ''] = STEPS;
  const { manifest, source } = await variantOf(first, 'arm64');
  for (const layer of manifest.layers.slice(0, 2)) await unpack(gunzipSync(await collectBlob(source, layer, MAX_LAYER_BYTES)), root);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function unpack(tar: Buffer, target: string): Promise<void> {
  for (const file of await readTar(tar, 'a layer of ours', () => true)) {
    const path = join(target, file.path);
    await mkdir(file.type === 'directory' ? path : dirname(path), { recursive: true });
    if ('content' in file) await writeFile(path, file.content, { mode: file.mode ?? 0o644 });
    if ('target' in file) await symlink(file.target, path);
  }
}

/** The image's own entrypoint with its own libraries, in place of `chroot`, which qemu-user cannot follow without binfmt. */
async function run(image: string, args: readonly string[]): Promise<CommandResult> {
  const { manifest, config, source } = await variantOf(image, 'arm64');
  const own = join(root, 'images', image);
  for (const layer of manifest.layers.slice(2)) await unpack(gunzipSync(await collectBlob(source, layer, MAX_LAYER_BYTES)), own);
  const [node = '', script = ''] = (config['config'] as { Entrypoint: string[] }).Entrypoint;
  return runCommand(QEMU, ['-L', root, join(root, node), join(own, script), ...args], { env: {} });
}

test('Node is an arm64 program', async () => {
  const { code, stdout, stderr } = await runCommand(QEMU, ['-L', root, join(root, 'nodejs/bin/node'), '-p', 'process.arch']);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'arm64\n', stderr: '' });
});

test.each([...STEPS, 'supply-chain'])('%s starts on arm64', async (image) => {
  expect(IMAGES).toContain(image);
  const { code, stdout, stderr } = await run(image, ['--version']);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${image === 'supply-chain' ? '' : `${image} `}${VERSION}\n`, stderr: '' });
});

test('a wrong param is exit code 64 on arm64', async () => {
  const { code, stderr } = await run(STEPS[0] ?? '', ['--nosuchparam']);
  expect(code).toBe(64);
  expect(stderr).toContain('nosuchparam');
});
