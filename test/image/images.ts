// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import { ARCHITECTURES, type Architecture } from '../../images/builder/base.ts';
import { openLayout } from '../../lib/artifact/layout.ts';
import { type ContentSource, collectBlob } from '../../lib/registry/content.ts';
import { type ImageManifest, parseManifest } from '../../lib/registry/oci.ts';
import { VERSION } from '../../lib/step/version.ts';
import { TASKS } from '../../scripts/tasks.ts';
import { DOCKER } from './debian-tools.ts';
import { type CommandResult, runCommand } from './run-command.ts';
import { REPOSITORY } from './setup.ts';

const place = inject('image');

export const digests = JSON.parse(readFileSync(place.digests, 'utf8')) as Record<string, string>;
export const IMAGES: readonly string[] = Object.keys(digests);
export const STEPS: readonly string[] = TASKS.map(({ name }) => name);

export function tagOf(image: string): string {
  return `${REPOSITORY}/${image}:${VERSION}`;
}

export function docker(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  return runCommand(DOCKER, ['-H', `unix://${place.socket}`, ...args], {
    cwd: place.context,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  });
}

/** As a restricted Pod would: no root, no capabilities, nothing writable, no network. */
export const CONFINED = ['run', '--rm', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--network=none'] as const;

/** Runs an image with its own entrypoint, confined. */
export function runImage(image: string, args: readonly string[], options: { user?: string; docker?: readonly string[] } = {}): Promise<CommandResult> {
  return docker([...CONFINED, `--user=${options.user ?? '65532'}`, ...(options.docker ?? []), tagOf(image), ...args]);
}

export type Variant = { digest: string; manifest: ImageManifest; config: Record<string, unknown>; source: ContentSource };

/** The image of one architecture in the layout that the builder wrote. */
export async function variantOf(image: string, architecture: Architecture): Promise<Variant> {
  const source = await openLayout(place.layout, { digest: digests[image] });
  const index = parseManifest((await source.manifest(source.root.digest)).bytes, source.root.mediaType);
  if (index.kind !== 'index' || index.manifests.length !== ARCHITECTURES.length)
    throw new Error(`${image} is not an index over ${ARCHITECTURES.join(' and ')}`);
  const found = index.manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture);
  if (found === undefined) throw new Error(`${image} has no variant for ${architecture}`);
  const { bytes, descriptor } = await source.manifest(found.digest);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind !== 'manifest') throw new Error(`${image} has an index inside its index`);
  const config = JSON.parse((await collectBlob(source, manifest.config, 1024 * 1024)).toString('utf8')) as Record<string, unknown>;
  return { digest: found.digest, manifest, config, source };
}
