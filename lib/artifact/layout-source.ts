// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError, type StepError } from '../errors/errors.ts';
import { type ContentSource, verifiedBlob, verifyBytes } from '../registry/content.ts';
import { type Descriptor, INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST_BYTES, parseManifest } from '../registry/oci.ts';

/** Files of an OCI image layout, wherever it lies. */
export type LayoutFiles = { name: string; find(path: string): Promise<{ size: number; stream(): AsyncIterable<Buffer> } | undefined> };

const ociLayout = z.object({ imageLayoutVersion: z.literal('1.0.0') });
const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * A content source over an OCI image layout (image spec 1.1, image-layout.md). `digest` chooses among several entries of index.json or names an
 * image inside one. Throws input LAYOUT_INVALID, LAYOUT_AMBIGUOUS (with the entries), LAYOUT_DIGEST_UNKNOWN.
 */
export async function layoutSource(files: LayoutFiles, digest?: string): Promise<ContentSource> {
  const marker = ociLayout.safeParse(await readJson(files, 'oci-layout'));
  if (!marker.success) throw invalid(files.name, 'its oci-layout file does not say imageLayoutVersion 1.0.0');
  const bytes = await readSmall(files, 'index.json');
  if (bytes === undefined) throw invalid(files.name, 'it has no index.json');
  const index = parseManifest(bytes, INDEX_TYPES[0]);
  if (index.kind !== 'index') throw invalid(files.name, 'its index.json is not an index');
  const source = sourceOver(files, chooseRoot(index.manifests, files.name, digest) ?? unknownRoot(digest));
  if (source.root.mediaType !== '') return source;
  const { descriptor } = await source.manifest(source.root.digest).catch((cause: unknown) => {
    throw inputError('LAYOUT_DIGEST_UNKNOWN', `${files.name} holds no manifest ${digest}`, { hint: `it lists ${listing(index.manifests)}`, cause });
  });
  return { ...source, root: descriptor };
}

function chooseRoot(manifests: Descriptor[], name: string, digest: string | undefined): Descriptor | undefined {
  if (digest !== undefined) return manifests.find((one) => one.digest === digest);
  const [only, ...more] = manifests;
  if (only === undefined) throw invalid(name, 'its index.json lists nothing');
  if (more.length > 0) {
    throw inputError('LAYOUT_AMBIGUOUS', `${name} lists ${manifests.length} artifacts: ${listing(manifests)}`, { hint: 'name the digest of one of them' });
  }
  return only;
}

/** A digest that index.json does not list may still be a manifest inside a listed index; its type is found when it is read. */
function unknownRoot(digest: string | undefined): Descriptor {
  return { mediaType: '', digest: digest ?? '', size: 0 };
}

function listing(manifests: Descriptor[]): string {
  const shown = manifests.slice(0, 10).map((one) => {
    const ref = one.annotations?.[REF_NAME];
    return ref === undefined ? one.digest : `${one.digest} (${ref.slice(0, 100)})`;
  });
  return shown.join(', ') + (manifests.length > 10 ? ` and ${manifests.length - 10} more` : '');
}

function sourceOver(files: LayoutFiles, root: Descriptor): ContentSource {
  return {
    name: files.name,
    root,
    async manifest(digest) {
      const bytes = await readSmall(files, blobPath(digest));
      if (bytes === undefined) throw invalid(files.name, `it has no blob ${digest}`);
      verifyBytes(bytes, digest, `manifest ${digest} of ${files.name}`);
      const { mediaType, artifactType } = parseManifest(bytes, digest === root.digest ? root.mediaType : undefined);
      if (![...MANIFEST_TYPES, ...INDEX_TYPES].includes(mediaType)) throw invalid(files.name, `${digest} is no manifest`);
      return { descriptor: { mediaType, digest, size: bytes.length, ...(artifactType !== undefined && { artifactType }) }, bytes };
    },
    async *blob(descriptor) {
      const found = await files.find(blobPath(descriptor.digest));
      if (found === undefined) throw invalid(files.name, `it has no blob ${descriptor.digest}`);
      yield* verifiedBlob(found.stream(), descriptor, `blob ${descriptor.digest} of ${files.name}`);
    },
  };
}

export function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

async function readJson(files: LayoutFiles, path: string): Promise<unknown> {
  const bytes = await readSmall(files, path);
  if (bytes === undefined) throw invalid(files.name, `it has no ${path} file`);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalid(files.name, `its ${path} is not JSON`, cause);
  }
}

/** A file of at most 4 MiB, or undefined when there is none. */
export async function readSmall(files: LayoutFiles, path: string): Promise<Buffer | undefined> {
  const found = await files.find(path);
  if (found === undefined) return undefined;
  if (found.size > MAX_MANIFEST_BYTES) throw invalid(files.name, `${path} has ${found.size} bytes, more than ${MAX_MANIFEST_BYTES}`);
  const chunks: Buffer[] = [];
  for await (const chunk of found.stream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function invalid(name: string, why: string, cause?: unknown): StepError {
  return inputError('LAYOUT_INVALID', `${name} is not a whole OCI image layout: ${why}`, { cause });
}
