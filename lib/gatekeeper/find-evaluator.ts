// SPDX-License-Identifier: Apache-2.0
import { access, constants } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { inputError } from '../errors/errors.ts';

/** Names an evaluator that stands elsewhere. */
export const EVALUATOR_VARIABLE = 'GATEKEEPER_EVALUATOR';
const NAME = 'gatekeeper-evaluator';
/** Names of Node for what Go and image platforms call otherwise. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64' };

/** The place of the evaluator below dist/ (and below /app in an image) for one platform: `gatekeeper/linux-amd64/gatekeeper-evaluator`. */
export function evaluatorPlace(os: string, architecture: string): string {
  return join('gatekeeper', `${os}-${architecture}`, NAME);
}

/**
 * The path of the program that judges by Gatekeeper policies: what GATEKEEPER_EVALUATOR names, or the one beside the bundle that runs (in an image), or in dist/ beside the folder of the sources.
 * Throws input GATEKEEPER_MISSING.
 */
export async function findEvaluator(env: Readonly<Record<string, string | undefined>>, entry = process.argv[1] ?? ''): Promise<string> {
  const place = evaluatorPlace(process.platform, GO_ARCH[process.arch] ?? process.arch);
  const named = env[EVALUATOR_VARIABLE];
  const candidates = named ? [named] : [join(dirname(entry), place), join(dirname(entry), '..', 'dist', place)];
  for (const path of candidates) {
    if (await isExecutable(path)) return path;
  }
  throw evaluatorMissing(candidates.join(' nor at '));
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

export function evaluatorMissing(where: string, cause?: unknown): Error {
  return inputError('GATEKEEPER_MISSING', `there are Gatekeeper policies, and the program that judges by them is not at ${where}`, {
    hint: `use the released image, which holds it; from the sources, "npm run evaluator" builds it with Go, and ${EVALUATOR_VARIABLE} can name one that stands elsewhere`,
    cause,
  });
}
