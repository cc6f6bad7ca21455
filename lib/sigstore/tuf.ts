// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { deniedError, inputError, refusedError, StepError, transientError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { excerpt } from '../http/refusal.ts';
import type { Logger } from '../log/log.ts';
import { parseSigningConfig } from './signing-config.ts';
import { parseTrustedRoot } from './trusted-root.ts';
import { keep, seed } from './tuf-cache.ts';
import { folderSource, openMirror, type TufSource } from './tuf-source.ts';

export type TrustRequest = {
  /** URL of the repository, or a folder that is a copy of it. */
  mirror: string;
  /** The root metadata to begin with, by which everything else is believed. */
  root: Buffer;
  /** Folder that keeps the last state between calls: against rollback, and for times when the mirror cannot be reached. */
  cache?: string | undefined;
};

/** The top-level roles of TUF. */
export const TUF_ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const;

export type FetchedTrust = {
  /** The file `trusted_root.json`. */
  trustedRoot: Buffer;
  /** The file `signing_config.v0.2.json`, where the repository has one. */
  signingConfig: Buffer | undefined;
  /** Version and end of life of the metadata that vouched for it. */
  metadata: Record<(typeof TUF_ROLES)[number], { version: number; expires: Date }>;
  /** Whether it is what the cache held, because the mirror could not be reached. */
  fromCache: boolean;
};

const TRUSTED_ROOT = 'trusted_root.json';
const SIGNING_CONFIG = 'signing_config.v0.2.json';
const MAX_TARGET_BYTES = 4 * 1024 * 1024;
/** Of any metadata file, whatever the repository says of its length; the client itself asks for less of root and timestamp. */
const MAX_METADATA_BYTES = 5_000_000;
/** The client speaks of files by URL; where they lie is the affair of the source. */
const NOWHERE = 'https://mirror.invalid/';

/**
 * The trusted root and signing config of a Sigstore instance, by the client workflow of TUF 1.0 (section 5) from the given
 * root on: every root in between, signatures, thresholds, versions, expiry, hashes and lengths, with the cache verified anew
 * each time. When the mirror cannot be reached, what the cache holds counts while none of it has expired.
 * Throws input TUF_MIRROR_INVALID, TUF_ROOT_INVALID; denied TUF_UNTRUSTED, TUF_EXPIRED (a frozen mirror, or a clock that is
 * wrong), TUF_TARGET_INVALID; refused TUF_FILE_MISSING, TUF_TARGET_MISSING; transient TUF_CACHE_UNUSABLE when the mirror
 * cannot be reached and the cache does not stand in for it; and what `createHttp` throws.
 */
export async function fetchTrust({ mirror, root, cache }: TrustRequest, { http, log }: { http: Http; log: Logger }): Promise<FetchedTrust> {
  const source = await openMirror(mirror, http);
  const remembered = cache === undefined ? undefined : folderSource(cache);
  try {
    return { ...(await update(source, remembered, root, cache)), fromCache: false };
  } catch (error) {
    const away = error instanceof StepError && error.kind === 'transient' && error.code !== 'ABORTED';
    if (!away || remembered === undefined || (await remembered.read('timestamp.json', MAX_METADATA_BYTES)) === undefined) throw error;
    log.warn(`the TUF mirror ${source.name} cannot be reached; what the cache ${remembered.name} holds is verified anew`, { code: error.code });
    try {
      return { ...(await update(remembered, undefined, root, cache)), fromCache: true };
    } catch (unusable) {
      if (!(unusable instanceof StepError) || unusable.kind === 'bug') throw unusable;
      throw transientError('TUF_CACHE_UNUSABLE', `${error.message}; the cache does not stand in for it: ${unusable.message}`, {
        hint: 'run it again when the mirror can be reached',
        cause: unusable,
      });
    }
  }
}

/** One run of the client over a folder of its own, in which it finds what the cache saw before. */
async function update(source: TufSource, earlier: TufSource | undefined, root: Buffer, cache: string | undefined): Promise<Omit<FetchedTrust, 'fromCache'>> {
  const scratch = await mkdtemp(join(tmpdir(), 'tuf-'));
  try {
    await writeFile(join(scratch, 'root.json'), root);
    if (cache !== undefined) await seed(cache, scratch);
    const reader = createReader(source, earlier, scratch);
    const updater = openUpdater(scratch, reader.fetcher);
    const [trustedRoot, signingConfig] = await reader.watch(async () => {
      await updater.refresh();
      return [await readTarget(updater, TRUSTED_ROOT, scratch), await readTarget(updater, SIGNING_CONFIG, scratch)] as const;
    });
    if (trustedRoot === undefined) throw refusedError('TUF_TARGET_MISSING', `the TUF repository ${source.name} has no target ${TRUSTED_ROOT}`);
    checkTarget(TRUSTED_ROOT, () => parseTrustedRoot(trustedRoot.toString('utf8')));
    if (signingConfig !== undefined) checkTarget(SIGNING_CONFIG, () => parseSigningConfig(signingConfig.toString('utf8')));
    if (cache !== undefined) await keep(cache, scratch, reader.files);
    return { trustedRoot, signingConfig, metadata: await metadataIn(scratch) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

type Fetcher = NonNullable<ConstructorParameters<typeof Updater>[0]['fetcher']>;
type Reader = { fetcher: Fetcher; files: ReadonlyMap<string, Buffer>; watch<T>(work: () => Promise<T>): Promise<T> };

/** Reads for the client. `files` is what it was given; `watch` tells what went wrong in the words of the suite, since the client drops causes on the way. */
function createReader(source: TufSource, earlier: TufSource | undefined, scratch: string): Reader {
  const files = new Map<string, Buffer>();
  let last = { path: 'timestamp.json', name: source.name };
  let failure: StepError | undefined;
  async function downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const path = url.slice(NOWHERE.length);
    const isRoot = /^\d+\.root\.json$/.test(path);
    const limit = Math.min(maxLength, MAX_METADATA_BYTES);
    last = { path, name: source.name };
    try {
      // A root that was believed once stays believed: a mirror that hides a rotation cannot undo it.
      const known = isRoot ? await earlier?.read(path, limit) : undefined;
      if (known !== undefined) last = { path, name: earlier?.name ?? '' };
      const bytes = known ?? (await source.read(path, limit));
      if (bytes === undefined && !isRoot) throw refusedError('TUF_FILE_MISSING', `${source.name} has no ${path}, so it is no whole TUF repository`);
      if (bytes === undefined) throw new DownloadHTTPError(`no ${path}`, 404);
      files.set(path, bytes);
      return bytes;
    } catch (error) {
      if (error instanceof StepError) failure = error;
      throw error;
    }
  }
  return {
    files,
    fetcher: {
      downloadBytes,
      async downloadFile(url, maxLength, handler) {
        const file = join(scratch, 'download');
        await writeFile(file, await downloadBytes(url, maxLength));
        return handler(file);
      },
    },
    async watch(work) {
      try {
        return await work();
      } catch (error) {
        throw failure ?? (error instanceof StepError ? error : disbelief(error, last));
      }
    },
  };
}

function openUpdater(scratch: string, fetcher: Fetcher): Updater {
  try {
    return new Updater({ metadataDir: scratch, metadataBaseUrl: NOWHERE, targetDir: scratch, targetBaseUrl: `${NOWHERE}targets/`, fetcher });
  } catch (cause) {
    throw inputError('TUF_ROOT_INVALID', 'the root to begin with is no TUF root metadata that is signed by its own keys', {
      hint: 'give the root.json of the TUF repository itself, not a Sigstore trusted root',
      cause,
    });
  }
}

/** The verified target, undefined when the repository does not list it. The file in `scratch` has a name that no role's has: those end in `.json`. */
async function readTarget(updater: Updater, name: string, scratch: string): Promise<Buffer | undefined> {
  const info = await updater.getTargetInfo(name);
  if (info === undefined) return undefined;
  if (info.length > MAX_TARGET_BYTES) {
    throw deniedError('TUF_TARGET_INVALID', `the TUF repository lists ${name} with ${info.length} bytes; at most ${MAX_TARGET_BYTES} are read`);
  }
  return readFile(await updater.downloadTarget(info, join(scratch, 'target')));
}

function checkTarget(name: string, parse: () => unknown): void {
  try {
    parse();
  } catch (cause) {
    throw deniedError('TUF_TARGET_INVALID', `the TUF repository vouches for a ${name} that cannot be used`, { cause });
  }
}

/** Version and expiry of what the client verified and left in its folder. */
async function metadataIn(scratch: string): Promise<FetchedTrust['metadata']> {
  const entries = TUF_ROLES.map(async (role) => {
    const { version, expires } = JSON.parse(await readFile(join(scratch, `${role}.json`), 'utf8')).signed;
    return [role, { version, expires: new Date(expires) }] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as FetchedTrust['metadata'];
}

/** Why the client does not believe what it read last. It may quote what a stranger wrote. */
function disbelief(cause: unknown, { path, name }: { path: string; name: string }): StepError {
  const why = excerpt(Buffer.from(cause instanceof Error ? cause.message : String(cause)));
  // The classes of the client's errors are not told apart through its wrappers; its words are.
  if (/ is expired$/.test(why)) {
    return deniedError('TUF_EXPIRED', `the TUF metadata of ${name} is too old: ${why}`, {
      hint: 'the mirror or its copy is not kept up to date, or the clock here is wrong',
      cause,
    });
  }
  return deniedError('TUF_UNTRUSTED', `${path} of ${name} is not believed: ${why}`, {
    hint: 'if the repository began anew with another root, give that root, and another cache or none; otherwise somebody changed what is there',
    cause,
  });
}
