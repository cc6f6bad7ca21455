// SPDX-License-Identifier: Apache-2.0
import { access, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import type { Descriptor } from '../../../lib/registry/oci.ts';

/**
 * Where the registry keeps its content. On disk, under `dir`:
 * `blobs/<hex>` all bytes by content; `repositories/<name>/_blobs/<hex>`, `_manifests/<hex>` (media type), `_tags/<tag>`
 * (digest), `_referrers/<subject hex>/<hex>` (descriptor); `uploads/` what is not finished. Every file appears by one
 * rename, content before what names it, so that a kill at any point leaves a registry that serves what it had.
 * Deleting takes away the names; bytes stay, they may be shared.
 */
export type Store = {
  uploadPath(id: string): string;
  blobPath(digest: string): string;
  /** Size in bytes of a blob that the repository holds, else undefined. */
  blobSize(repository: string, digest: string): Promise<number | undefined>;
  /** Moves a finished upload whose digest was checked into place and enters it in the repository. */
  adopt(repository: string, digest: string, upload: string): Promise<void>;
  linkBlob(repository: string, digest: string): Promise<void>;
  unlinkBlob(repository: string, digest: string): Promise<boolean>;
  manifestType(repository: string, digest: string): Promise<string | undefined>;
  readManifest(repository: string, digest: string): Promise<{ mediaType: string; bytes: Buffer } | undefined>;
  writeManifest(repository: string, digest: string, mediaType: string, bytes: Buffer, referrer?: { subject: string; descriptor: Descriptor }): Promise<void>;
  /** Takes the manifest, the tags on it and its place among the referrers of its subject away; false when there is none. */
  deleteManifest(repository: string, digest: string, subject: string | undefined): Promise<boolean>;
  readTag(repository: string, tag: string): Promise<string | undefined>;
  writeTag(repository: string, tag: string, digest: string): Promise<void>;
  deleteTag(repository: string, tag: string): Promise<boolean>;
  /** Sorted; undefined when there is no such repository. */
  tags(repository: string): Promise<string[] | undefined>;
  /** Sorted by digest. */
  referrers(repository: string, subject: string): Promise<Descriptor[]>;
};

/** Opens the store, making folders as needed; what was left of unfinished uploads is removed. */
export async function openStore(dir: string): Promise<Store> {
  await rm(join(dir, 'uploads'), { recursive: true, force: true });
  for (const folder of ['uploads', 'blobs', 'repositories']) await mkdir(join(dir, folder), { recursive: true });

  const blobPath = (digest: string): string => join(dir, 'blobs', hexOf(digest));
  const place = (repository: string, ...parts: string[]): string => join(dir, 'repositories', ...repository.split('/'), ...parts);
  const linkOf = (repository: string, digest: string): string => place(repository, '_blobs', hexOf(digest));
  const manifestOf = (repository: string, digest: string): string => place(repository, '_manifests', hexOf(digest));
  const tagOf = (repository: string, tag: string): string => place(repository, '_tags', tag);
  const referrerOf = (repository: string, subject: string, digest: string): string => place(repository, '_referrers', hexOf(subject), hexOf(digest));

  const store: Store = {
    uploadPath: (id) => join(dir, 'uploads', id),
    blobPath,
    async blobSize(repository, digest) {
      if (!(await exists(linkOf(repository, digest)))) return undefined;
      return (await stat(blobPath(digest))).size;
    },
    async adopt(repository, digest, upload) {
      await rename(upload, blobPath(digest));
      await store.linkBlob(repository, digest);
    },
    linkBlob: (repository, digest) => writeAtomic(linkOf(repository, digest), ''),
    unlinkBlob: (repository, digest) => removed(linkOf(repository, digest)),
    manifestType: (repository, digest) => textOf(manifestOf(repository, digest)),
    async readManifest(repository, digest) {
      const mediaType = await store.manifestType(repository, digest);
      return mediaType === undefined ? undefined : { mediaType, bytes: await readFile(blobPath(digest)) };
    },
    async writeManifest(repository, digest, mediaType, bytes, referrer) {
      if (!(await exists(blobPath(digest)))) await writeAtomic(blobPath(digest), bytes);
      if (referrer !== undefined) await writeAtomic(referrerOf(repository, referrer.subject, digest), JSON.stringify(referrer.descriptor));
      await writeAtomic(manifestOf(repository, digest), mediaType);
    },
    async deleteManifest(repository, digest, subject) {
      for (const tag of (await store.tags(repository)) ?? []) {
        if ((await store.readTag(repository, tag)) === digest) await store.deleteTag(repository, tag);
      }
      const wasThere = await removed(manifestOf(repository, digest));
      if (subject !== undefined) await removed(referrerOf(repository, subject, digest));
      return wasThere;
    },
    readTag: (repository, tag) => textOf(tagOf(repository, tag)),
    writeTag: (repository, tag, digest) => writeAtomic(tagOf(repository, tag), digest),
    deleteTag: (repository, tag) => removed(tagOf(repository, tag)),
    async tags(repository) {
      const known = (await exists(place(repository, '_manifests'))) || (await exists(place(repository, '_blobs')));
      return known ? namesIn(place(repository, '_tags')) : undefined;
    },
    async referrers(repository, subject) {
      const names = await namesIn(place(repository, '_referrers', hexOf(subject)));
      const found = await Promise.all(names.map((hex) => readReferrer(repository, subject, hex)));
      return found.filter((descriptor) => descriptor !== undefined);
    },
  };

  async function readReferrer(repository: string, subject: string, hex: string): Promise<Descriptor | undefined> {
    const digest = `sha256:${hex}`;
    if (!(await exists(manifestOf(repository, digest)))) return undefined;
    const text = await textOf(referrerOf(repository, subject, digest));
    return text === undefined ? undefined : (JSON.parse(text) as Descriptor);
  }
  return store;
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => absent(error, false),
  );
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: unknown) => absent(error, undefined));
}

async function removed(path: string): Promise<boolean> {
  return rm(path).then(
    () => true,
    (error: unknown) => absent(error, false),
  );
}

/** File names without the temporary ones of a write that was killed. */
async function namesIn(path: string): Promise<string[]> {
  const names = await readdir(path).catch((error: unknown) => absent(error, [] as string[]));
  return names.filter((name) => !name.startsWith('.')).sort();
}

function absent<T>(error: unknown, value: T): T {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return value;
  throw error;
}
