// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageSource } from '../../../../../images/builder/built-image.ts';
import { composeImage } from '../../../../../images/builder/compose-image.ts';
import { readDockerfile } from '../../../../../images/builder/dockerfile.ts';
import { registryBase } from '../../../../../images/builder/registry-base.ts';
import { joinInside } from '../../../../../lib/files/inside.ts';
import { parseReference, repositoryName } from '../../../../../lib/reference/reference.ts';
import { createRegistry } from '../../../../../lib/registry/client.ts';
import { copyArtifact } from '../../../../../lib/registry/copy.ts';
import { dockerCredentials } from '../../../../../lib/registry/credentials.ts';
import type { TaskDeps } from '../run-task.ts';

/** Builds the Dockerfile of a checked-out source, which has no RUN, on its base in the registry, and pushes it. The same source gives the same digest. */
export async function buildImage({ http, log, input }: TaskDeps): Promise<Record<string, string>> {
  const source = input('WORKSPACE_SOURCE');
  const target = parseReference(input('IMAGE'));
  const credentials = await dockerCredentials({ path: input('WORKSPACE_DOCKERCONFIG'), env: {} });
  const registry = createRegistry({ http, credentials, insecureRegistries: [target.registry], log });
  const dockerfile = input('DOCKERFILE');
  const recipe = readDockerfile(await readFile(joinInside(source, dockerfile), 'utf8'), dockerfile, {});
  const base = await registryBase(registry, recipe.base, ['amd64']);
  const layout = await composeImage(recipe, { root: join(source, input('CONTEXT')), base, architectures: ['amd64'], epoch: 0 });
  const { digest } = await copyArtifact(await imageSource({ name: target.repository, version: target.tag ?? '', layout }), registry, target);
  log.info(`pushed ${repositoryName(target)}@${digest}`, { tag: target.tag });
  return { IMAGE_URL: `${repositoryName(target)}${target.tag === undefined ? '' : `:${target.tag}`}`, IMAGE_DIGEST: digest };
}
