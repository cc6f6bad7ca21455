// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { parseReference } from '../../lib/reference/reference.ts';
import type { ResolveContainer } from '../runner/step-plan.ts';

/** What an image of the suite starts: this Node with this bundle (images/<name>/Dockerfile). */
const IMAGE_NODE = '/nodejs/bin/node';
const IMAGE_BUNDLE = '/app/step.cjs';

/**
 * Swaps the container of a step, and nothing else, for this machine: the image `…/NAME:VERSION` for the bundle dist/NAME.cjs, run by this Node.
 * A step of any other image is refused with input RUNNER_IMAGE, since a laptop run starts no containers.
 */
export function bundleContainers(project: string): ResolveContainer {
  return (step, { task }) => {
    const name = parseReference(step.image).repository.split('/').at(-1) ?? '';
    const bundle = join(project, 'dist', `${name}.cjs`);
    if (!existsSync(bundle)) {
      throw inputError('RUNNER_IMAGE', `the step of Task ${task} runs the image ${step.image}, which is not one of this suite's`, {
        hint: 'a laptop run starts no containers; run this Pipeline on a cluster, or leave the Task out',
      });
    }
    const swap = (argument: string): string => (argument === IMAGE_NODE ? process.execPath : argument === IMAGE_BUNDLE ? bundle : argument);
    return { command: step.command.map(swap) };
  };
}
