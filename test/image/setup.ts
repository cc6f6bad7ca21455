// SPDX-License-Identifier: Apache-2.0
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { TestProject } from 'vitest/node';
import { ARCHITECTURES } from '../../images/builder/base.ts';
import { ensureEvaluator } from '../../scripts/build/evaluator.ts';
import { cacheFolder, PROJECT } from '../../scripts/images/place.ts';
import { ensureDebianTools } from '../peers/debian-tools.ts';
import { usableLock } from './debian-lock.ts';
import { IMAGE_TOOLS } from './debian-tools.ts';
import { type Engine, startEngine } from './engine.ts';
import { mustRun } from './run-command.ts';

export type Place = {
  socket: string;
  /** A copy of what the images are built from, so that a change of the sources during the run does not look like a defect of the builder. */
  context: string;
  /** OCI layout with all images, and their digests. */
  layout: string;
  digests: string;
  /** Lock file of the Debian packages that the base was made of. */
  lock: string;
};

declare module 'vitest' {
  interface ProvidedContext {
    image: Place;
  }
}

/** Registry and path of the tags in the engine; nothing is ever pulled from there. */
export const REPOSITORY = 'image-test.example.com/suite';

/** Once for all files: bundles that are those of the sources, an engine, and in it the base and all images, as "npm run images" builds them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = (line: string): void => console.error(line);
  await ensureDebianTools(IMAGE_TOOLS, log);
  const work = await mkdtemp(join(tmpdir(), 'image-test-'));
  let engine: Engine | undefined;
  const teardown = async (): Promise<void> => {
    await engine?.stop();
    await rm(work, { recursive: true, force: true });
  };
  try {
    const node = (args: readonly string[]): Promise<string> => mustRun(process.execPath, args, { cwd: PROJECT });
    await node(['scripts/build/main.ts', '--quiet']);
    // Not by `node`, which ends a program after five minutes: cold, Go needs longer for the other architecture.
    for (const architecture of ARCHITECTURES) await ensureEvaluator({ os: 'linux', architecture }, { log });
    const context = join(work, 'context');
    await copyContext(context);
    engine = await startEngine();
    const place: Place = {
      socket: engine.socket,
      context,
      layout: join(work, 'images'),
      digests: join(work, 'digests.json'),
      lock: await usableLock(await cacheFolder(process.env), join(work, 'debian.lock.json'), log),
    };
    const common = ['--lock', place.lock, '--load', place.socket, '--repository', REPOSITORY];
    log(await node(['scripts/images/main.ts', '--context', context, '--output', place.layout, '--digests', place.digests, ...common]));
    await node(['scripts/images/main.ts', 'base', '--output', join(work, 'base'), ...common]);
    project.provide('image', place);
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

async function copyContext(context: string): Promise<void> {
  const filter = (path: string): boolean => !path.startsWith(join(PROJECT, 'dist', 'images'));
  for (const path of ['.dockerignore', 'catalog', 'cli/laptop', 'dist', 'images']) {
    await cp(join(PROJECT, path), join(context, path), { recursive: true, filter });
  }
}
