// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openArtifact } from '../../lib/artifact/open-artifact.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import type { ContentSource } from '../../lib/registry/content.ts';
import type { SbomContents, SbomSubject } from '../../lib/sbom/cyclonedx.ts';
import { catalogueImage } from '../../lib/sbom/image.ts';
import { catalogueSource } from '../../lib/sbom/source.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { workspaceFile } from '../../lib/step/house-files.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

/** What was catalogued, what the SBOM is about, and the digest reference for the result `subject` (empty for a source folder). */
export type CataloguedInput = { subject: SbomSubject; contents: SbomContents; reference: string };

/**
 * Reads what the params name: a registry image, a layout or archive, or a source folder. With both image and path the file must hold the digest of image.
 * Throws input NOTHING_TO_READ when neither is given, and what the readers throw.
 */
export async function catalogueInput({ params, workspaces }: Inputs<typeof spec>, deps: StepDeps): Promise<CataloguedInput> {
  const { image, path } = params;
  if (path === undefined) {
    if (!image) throw inputError('NOTHING_TO_READ', 'sbom-generate was given neither image nor path');
    return catalogueArtifact(await deps.registry.source(image), image.repository.split('/').at(-1) ?? '', params, deps);
  }
  const place = await workspaceFile(workspaces, 'source', path, 'path');
  if (await isSourceFolder(place)) {
    if (image)
      throw inputError('NOTHING_TO_READ', `path ${path} is a source folder, which is not the image`, {
        hint: 'leave image empty, or name a layout or an archive with path',
      });
    const catalogue = await catalogueSource({ dir: place, signal: deps.signal, log: deps.log });
    return { subject: { type: 'application', name: path === '.' ? 'source' : basename(path) }, contents: { kind: 'source', catalogue }, reference: '' };
  }
  return catalogueArtifact(await openArtifact(place, { digest: image?.digest }), basename(path), params, deps);
}

async function catalogueArtifact(source: ContentSource, name: string, params: Inputs<typeof spec>['params'], deps: StepDeps): Promise<CataloguedInput> {
  const catalogues = await catalogueImage({ source, platform: params.platform, signal: deps.signal, log: deps.log });
  const repository = params.image && repositoryName(params.image);
  const { digest } = source.root;
  return {
    subject: { type: 'container', name, digest, repository },
    contents: { kind: 'images', catalogues, partial: params.platform !== undefined },
    reference: repository === undefined ? digest : `${repository}@${digest}`,
  };
}

async function isSourceFolder(place: string): Promise<boolean> {
  if (!(await stat(place)).isDirectory()) return false;
  return stat(join(place, 'oci-layout')).then(
    () => false,
    () => true,
  );
}
