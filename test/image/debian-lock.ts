// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { debianFiles, newestDebianLock } from '../../images/base/debian-files.ts';
import { formatDebianLock } from '../../images/base/debian-lock.ts';
import { DEBIAN_LOCK_FILE, readDebianLock } from '../../images/base/local-base.ts';
import { runProgram } from '../../images/base/run-program.ts';
import { ARCHITECTURES } from '../../images/builder/base.ts';
import { StepError } from '../../lib/errors/errors.ts';

/**
 * The lock file to build the base with: the committed one, or, when Debian has moved on, one of what it has now, written to `file`. A security update of
 * glibc is no defect of the change under test, so it is told and does not fail the suite.
 */
export async function usableLock(cache: string, file: string, log: (line: string) => void): Promise<string> {
  const options = { cache, run: runProgram, log };
  try {
    const lock = await readDebianLock();
    for (const architecture of ARCHITECTURES) await debianFiles(lock[architecture], architecture, options);
    return DEBIAN_LOCK_FILE;
  } catch (error) {
    if (!(error instanceof StepError) || error.code !== 'BASE_LOCK_STALE') throw error;
    log(`warning: ${error.message}\nwarning: the tests go on with what Debian has now; ${error.hint}`);
    await writeFile(file, formatDebianLock(await newestDebianLock(options)));
    return file;
  }
}
