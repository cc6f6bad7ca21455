// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { deniedError, StepError } from '../errors/errors.ts';
import { writeAtomic } from '../files/atomic-write.ts';
import { readBoundedIfPresent } from '../files/bounded-read.ts';
import { type Checkpoint, checkpointKeyId, type LogKey, verifyCheckpoint } from './checkpoint.ts';
import type { Rekor } from './rekor.ts';

/** What was seen of one log, from run to run. */
export type LogMemory = {
  /**
   * Proves that the log only grew from the checkpoint seen last to this one, and remembers the newer of the two.
   * Throws denied LOG_FORKED and LOG_SHRANK, with both checkpoints kept as proof, denied CHECKPOINT_UNTRUSTED when what was kept is not the log's own, input FILE_UNWRITABLE, and what reading the log throws.
   */
  see(checkpoint: Checkpoint): Promise<void>;
};

const MAX_CHECKPOINT = 64 * 1024;
const BROKEN = new Set(['LOG_FORKED', 'LOG_SHRANK']);

/**
 * The memory of a log in a folder that outlives the run: one file a log, a checkpoint as the log signed it (C2SP tlog-checkpoint), verified anew whenever it is read.
 * Whoever can write to the folder can make it forget, but not believe what the log never signed.
 */
export function openLogMemory(folder: string, rekor: Pick<Rekor, 'checkpoint' | 'proveConsistency'>, logKey: LogKey): LogMemory {
  const file = join(folder, fileName(logKey));
  return {
    async see(checkpoint) {
      const kept = await recall(file, logKey);
      if (kept === undefined) return writeAtomic(file, checkpoint.envelope);
      // A run beside this one may have seen more by now: then this checkpoint is the older one, and the log has to be at least where that run saw it.
      const newest = kept.size > checkpoint.size ? await rekor.checkpoint() : checkpoint;
      try {
        await rekor.proveConsistency({ from: kept, to: newest });
        if (newest !== checkpoint) await rekor.proveConsistency({ from: checkpoint, to: newest });
      } catch (error) {
        throw await withProof(error, file, newest);
      }
      if (newest.size > kept.size) await writeAtomic(file, newest.envelope);
    },
  };
}

function fileName(logKey: LogKey): string {
  const name = logKey.origin.replaceAll(/[^A-Za-z0-9.-]/g, '_').slice(0, 100);
  return `${name}-${checkpointKeyId(logKey).toString('hex').slice(0, 16)}.checkpoint`;
}

async function recall(file: string, logKey: LogKey): Promise<Checkpoint | undefined> {
  const bytes = await readBoundedIfPresent(file, MAX_CHECKPOINT, 'the checkpoint seen last');
  if (!bytes) return undefined;
  try {
    return verifyCheckpoint(bytes.toString('utf8'), logKey);
  } catch (cause) {
    throw deniedError('CHECKPOINT_UNTRUSTED', `what is kept in ${file} is not what the log signed: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
      hint: 'find out who else writes to the volume; without the file the next run starts anew, and what happened to the log before is not noticed',
    });
  }
}

/** The checkpoint that does not fit is kept beside the one that it does not fit to: the log signed both. */
async function withProof(error: unknown, file: string, other: Checkpoint): Promise<unknown> {
  if (!(error instanceof StepError) || !BROKEN.has(error.code)) return error;
  await writeAtomic(`${file}.conflict`, other.envelope);
  const details = { cause: error, ...(error.hint !== undefined && { hint: error.hint }) };
  return deniedError(error.code, `${error.message}; what was seen before is kept in ${file}, and what it shows now beside it with .conflict`, details);
}
