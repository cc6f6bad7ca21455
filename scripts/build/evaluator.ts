// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { ARCHITECTURES, type Architecture } from '../../images/builder/base.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { evaluatorPlace } from '../../lib/gatekeeper/find-evaluator.ts';
import { tellFailure } from '../../lib/log/tell-failure.ts';
import { cacheFolder, runGo } from './go.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SOURCE = join(ROOT, 'images', 'evaluator');
/** The same as for the test peers, so that Go's own cache serves both. */
const FLAGS = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w'];

export type EvaluatorTarget = { os: string; architecture: Architecture };
export type EvaluatorBuild = { log: (line: string) => void; env?: NodeJS.ProcessEnv };

/**
 * The path of the Gatekeeper evaluator for one platform below dist/, built by Go from images/evaluator when the cache has none for its sources, modules and Go version; module hashes are checked against go.sum. The same bytes for the same sources and Go.
 * Throws StepError: `GO_MISSING`, `GO_FAILED`.
 */
export async function ensureEvaluator({ os, architecture }: EvaluatorTarget, { log, env = process.env }: EvaluatorBuild): Promise<string> {
  const target = { ...env, GOOS: os, GOARCH: architecture };
  const version = (await runGo(['env', 'GOVERSION'], { cwd: SOURCE, env: target })).trim();
  const cached = join(cacheFolder(env, 'evaluator'), `${os}-${architecture}-${await sourceKey(version)}`);
  if (!(await isFile(cached))) {
    log(`evaluator for ${os}/${architecture}: building with ${version}`);
    await mkdir(dirname(cached), { recursive: true });
    const building = `${cached}.${process.pid}`;
    await runGo(['build', ...FLAGS, '-o', building, '.'], { cwd: SOURCE, env: target, log });
    await rename(building, cached);
  }
  const path = join(ROOT, 'dist', evaluatorPlace(os, architecture));
  await mkdir(dirname(path), { recursive: true });
  await copyFile(cached, `${path}.${process.pid}`);
  await rename(`${path}.${process.pid}`, path);
  return path;
}

async function sourceKey(version: string): Promise<string> {
  const names = (await readdir(SOURCE)).filter((name) => name.endsWith('.go') || name === 'go.mod' || name === 'go.sum').sort();
  const hash = createHash('sha256').update(JSON.stringify([version, FLAGS]));
  for (const name of names) hash.update(`\n${name}\n`).update(await readFile(join(SOURCE, name)));
  return hash.digest('hex').slice(0, 16);
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** `npm run evaluator`: for this machine, or with `--all` for every platform of the images. */
async function main(args: readonly string[]): Promise<void> {
  const own: EvaluatorTarget = { os: process.platform, architecture: process.arch === 'x64' ? 'amd64' : 'arm64' };
  if (args.some((argument) => argument !== '--all')) throw inputError('USAGE', `cannot read "${args.join(' ')}"`, { hint: 'npm run evaluator [-- --all]' });
  const targets = args.length > 0 ? ARCHITECTURES.map((architecture) => ({ os: 'linux', architecture })) : [own];
  for (const target of targets) console.log(await ensureEvaluator(target, { log: (line) => console.error(line) }));
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (thrown) {
    tellFailure(thrown);
  }
}
