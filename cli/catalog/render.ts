// SPDX-License-Identifier: Apache-2.0
import { isMap, isScalar, isSeq, type Node, parseAllDocuments, Scalar } from 'yaml';
import * as z from 'zod';
import { inputError } from '../../lib/errors/errors.ts';
import { isDigest } from '../../lib/reference/digest.ts';

/** Digest by image name without host and tag, as the build of the images writes it: `{"cosign-sign": "sha256:…"}`. */
export type ImageDigests = ReadonlyMap<string, string>;

export type RenderOptions = {
  digests: ImageDigests;
  /** Registry and path to put in place of what the catalog names, e.g. `mirror.example.com/supply-chain`. */
  repository?: string | undefined;
};

const Digests = z.record(z.string(), z.string().refine(isDigest, 'must be sha256: with 64 lower-case hex digits'));
/** `HOST/PATH/NAME:VERSION`; an image that has a digest already, or a variable in it, is not of this form. */
const IMAGE = /^(?<repository>[a-z0-9][a-z0-9._:/-]*)\/(?<name>[a-z0-9][a-z0-9._-]*):(?<version>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/;
const REPOSITORY = /^[a-z0-9.-]+(:\d{1,5})?(\/[a-z0-9][a-z0-9._-]*)*$/;

type Edit = { start: number; end: number; text: string };

/** The map of digests from JSON text. Throws input DIGESTS_INVALID that names every bad entry. */
export function parseDigests(json: string): ImageDigests {
  const parsed = Digests.safeParse(parseJson(json));
  if (parsed.success) return new Map(Object.entries(parsed.data));
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
  throw inputError('DIGESTS_INVALID', `the file with digests is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, {
    hint: 'give a JSON object such as {"cosign-sign": "sha256:…"}',
  });
}

/**
 * A catalog manifest with the image of every step as `HOST/NAME:VERSION@sha256:…`. Comments, order and every other byte stay as they are;
 * an image that is pinned already keeps its digest. Throws input IMAGE_UNPINNED that names each image for which there is no digest or that cannot
 * be pinned, and input MANIFEST_INVALID when the text is no YAML. `path` names the manifest in errors.
 */
export function renderManifest(yaml: string, path: string, { digests, repository }: RenderOptions): string {
  if (repository !== undefined && !REPOSITORY.test(repository)) {
    throw inputError('REPOSITORY_INVALID', `"${repository}" is no registry with path, e.g. mirror.example.com/supply-chain`);
  }
  const missing: string[] = [];
  const edits = imageNodes(yaml, path).flatMap((scalar): Edit[] => {
    const image = String(scalar.value);
    if (image.includes('@')) return [];
    const { name, version, repository: own } = IMAGE.exec(image)?.groups ?? {};
    const digest = name === undefined ? undefined : digests.get(name);
    if (digest === undefined) missing.push(image);
    return digest === undefined ? [] : [toEdit(scalar, `${repository ?? own}/${name}:${version}@${digest}`)];
  });
  if (missing.length > 0) {
    throw inputError('IMAGE_UNPINNED', `${path}: there is no digest for ${[...new Set(missing)].join(', ')}`, {
      hint: 'add the image to the file with digests, by its name without host and version',
    });
  }
  return applyEdits(yaml, edits);
}

/** The `image` of each step of a Task and each container of a Deployment, the only places where the catalog names images. */
function imageNodes(yaml: string, path: string): Scalar[] {
  return parseAllDocuments(yaml, { logLevel: 'silent' }).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw inputError('MANIFEST_INVALID', `${path}: is no YAML: ${error.message.split('\n')[0]}`);
    const steps = document.getIn(['spec', 'steps']);
    const containers = document.getIn(['spec', 'template', 'spec', 'containers']);
    const holders: unknown[] = [
      document.get('spec'),
      document.getIn(['spec', 'stepTemplate']),
      ...[steps, containers].flatMap((list) => (isSeq(list) ? list.items : [])),
    ];
    return holders.flatMap((holder) => {
      const image = isMap(holder) ? holder.get('image', true) : undefined;
      return isScalar(image) ? [image] : [];
    });
  });
}

function toEdit(scalar: Node & Scalar, text: string): Edit {
  const [start = 0, end = 0] = scalar.range ?? [];
  const quote = scalar.type === Scalar.QUOTE_DOUBLE ? '"' : scalar.type === Scalar.QUOTE_SINGLE ? "'" : '';
  return { start, end, text: `${quote}${text}${quote}` };
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const edit of edits.toSorted((a, b) => b.start - a.start)) result = `${result.slice(0, edit.start)}${edit.text}${result.slice(edit.end)}`;
  return result;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw inputError('DIGESTS_INVALID', 'the file with digests is no JSON', { cause });
  }
}
