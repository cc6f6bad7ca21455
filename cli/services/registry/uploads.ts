// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { isDigest } from '../../../lib/reference/digest.ts';
import { failed, type Reply } from './reply.ts';
import type { Store } from './store.ts';

export type UploadLimits = { maxBlobBytes: number; maxUploads: number; idleMs: number };

/** Blob uploads in progress (distribution spec, "Pushing blobs"): monolithic, chunked, resumable after a cut chunk. They end with the process. */
export type Uploads = {
  /** POST without `digest`: 202 with a Location. */
  start(repository: string): Promise<Reply>;
  /** POST with `digest`: the whole blob in one request. */
  whole(repository: string, digest: string, body: IncomingMessage): Promise<Reply>;
  status(repository: string, id: string): Reply;
  chunk(repository: string, id: string, body: IncomingMessage): Promise<Reply>;
  finish(repository: string, id: string, digest: string | null, body: IncomingMessage): Promise<Reply>;
  cancel(repository: string, id: string): Promise<Reply>;
};

type Upload = { id: string; repository: string; size: number; hash: Hash; isBusy: boolean; touched: number };
type State = { store: Store; limits: UploadLimits; now: () => number; open: Map<string, Upload> };

export function createUploads(store: Store, limits: UploadLimits, now: () => number): Uploads {
  const state: State = { store, limits, now, open: new Map() };
  const find = (repository: string, id: string): Upload | undefined => {
    const upload = state.open.get(id);
    return upload?.repository === repository ? upload : undefined;
  };
  const unknown = (): Reply => failed('BLOB_UPLOAD_UNKNOWN', 'there is no such upload');
  const tooMany = (): Reply => failed('TOOMANYREQUESTS', `more than ${limits.maxUploads} uploads are open`, { 'retry-after': '1' });

  return {
    async start(repository) {
      const upload = await begin(state, repository);
      return upload === undefined ? tooMany() : { status: 202, headers: progress(upload) };
    },
    async whole(repository, digest, body) {
      const upload = await begin(state, repository);
      if (upload === undefined) return tooMany();
      try {
        return await finish(state, upload, digest, body);
      } finally {
        await drop(state, upload);
      }
    },
    status(repository, id) {
      const upload = find(repository, id);
      return upload === undefined ? unknown() : { status: 204, headers: progress(upload) };
    },
    async chunk(repository, id, body) {
      const upload = find(repository, id);
      if (upload === undefined) return unknown();
      return (await append(state, upload, body)) ?? { status: 202, headers: progress(upload) };
    },
    async finish(repository, id, digest, body) {
      const upload = find(repository, id);
      return upload === undefined ? unknown() : finish(state, upload, digest, body);
    },
    async cancel(repository, id) {
      const upload = find(repository, id);
      if (upload === undefined || upload.isBusy) return unknown();
      await drop(state, upload);
      return { status: 204 };
    },
  };
}

/** A new upload, or undefined when too many are open; those that were left alone are dropped first. */
async function begin(state: State, repository: string): Promise<Upload | undefined> {
  const { open: uploads, limits, now, store } = state;
  for (const upload of uploads.values()) {
    if (!upload.isBusy && now() - upload.touched > limits.idleMs) await drop(state, upload);
  }
  if (uploads.size >= limits.maxUploads) return undefined;
  const upload: Upload = { id: randomUUID(), repository, size: 0, hash: createHash('sha256'), isBusy: false, touched: now() };
  uploads.set(upload.id, upload);
  const file = await open(store.uploadPath(upload.id), 'wx');
  await file.close();
  return upload;
}

async function drop(state: State, upload: Upload): Promise<void> {
  state.open.delete(upload.id);
  await rm(state.store.uploadPath(upload.id), { force: true });
}

/** Appends the body; a reply when it cannot. What arrived before a cut is kept, in file and hash alike. */
async function append(state: State, upload: Upload, body: IncomingMessage): Promise<Reply | undefined> {
  const { store, limits, now } = state;
  if (upload.isBusy) return failed('BLOB_UPLOAD_INVALID', 'another request is writing to this upload');
  const range = /^(?:bytes )?(\d+)-\d+$/.exec(body.headers['content-range'] ?? '')?.[1];
  if (range !== undefined && Number(range) !== upload.size) return failed('RANGE_INVALID', 'the chunk does not follow the last one', progress(upload));
  upload.isBusy = true;
  let file: FileHandle | undefined;
  try {
    file = await open(store.uploadPath(upload.id), 'a');
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (upload.size + chunk.length > limits.maxBlobBytes) return failed('SIZE_INVALID', `blobs over ${limits.maxBlobBytes} bytes are not accepted`);
      await file.writeFile(chunk);
      upload.hash.update(chunk);
      upload.size += chunk.length;
      upload.touched = now();
    }
    return undefined;
  } finally {
    await file?.close();
    upload.isBusy = false;
  }
}

async function finish(state: State, upload: Upload, digest: string | null, body: IncomingMessage): Promise<Reply> {
  if (digest === null || !isDigest(digest)) return failed('DIGEST_INVALID', 'the digest parameter must be sha256: with 64 hex digits');
  const problem = await append(state, upload, body);
  if (problem !== undefined) return problem;
  const actual = `sha256:${upload.hash.copy().digest('hex')}`;
  if (actual !== digest) {
    await drop(state, upload);
    return failed('DIGEST_INVALID', `the content has the digest ${actual}`);
  }
  state.open.delete(upload.id);
  await state.store.adopt(upload.repository, digest, state.store.uploadPath(upload.id));
  return created(upload.repository, digest);
}

/** 201 for a blob that is now in the repository. */
export function created(repository: string, digest: string): Reply {
  return { status: 201, headers: { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest } };
}

function progress(upload: Upload): Record<string, string> {
  return {
    location: `/v2/${upload.repository}/blobs/uploads/${upload.id}`,
    'docker-upload-uuid': upload.id,
    range: `0-${Math.max(upload.size - 1, 0)}`,
  };
}
