// SPDX-License-Identifier: Apache-2.0
import { inputError, StepError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { type DigestReference, parseDigestReference } from '../../lib/reference/reference.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_REFERENCES = 20_000;

/**
 * The references of the command line, then those of the file: one a line, empty lines and those that start with # left out. All are read before any is asked for, so that a typing error in
 * the last one costs nothing. Throws input REFERENCE_MISSING for none, REFERENCES_TOO_MANY over 20,000, FILE_MISSING, and what `parseDigestReference` throws, with the line.
 */
export async function readReferences(given: readonly string[], file: string | undefined): Promise<DigestReference[]> {
  const listed = file === undefined ? [] : listedIn((await readBounded(file, MAX_FILE_BYTES, 'list of references')).toString('utf8'), file);
  const all = [...given.map((text) => ({ text, place: undefined })), ...listed];
  if (all.length === 0) {
    const hint = 'name one as repository@sha256:…, or a file of them with --references-from';
    throw inputError('REFERENCE_MISSING', file === undefined ? 'no reference to verify is given' : `${file} holds no reference`, { hint });
  }
  if (all.length > MAX_REFERENCES) throw inputError('REFERENCES_TOO_MANY', `${all.length} references are given, more than ${MAX_REFERENCES}`);
  return all.map(({ text, place }) => parseAt(text, place));
}

type Listed = { text: string; place: string | undefined };

function listedIn(content: string, file: string): Listed[] {
  const lines = content.split('\n').map((line, at) => ({ text: line.trim(), place: `line ${at + 1} of ${file}` }));
  return lines.filter(({ text }) => text !== '' && !text.startsWith('#'));
}

function parseAt(text: string, place: string | undefined): DigestReference {
  try {
    return parseDigestReference(text);
  } catch (error) {
    if (place === undefined || !(error instanceof StepError)) throw error;
    throw new StepError(error.kind, error.code, `${place}: ${error.message}`, { ...(error.hint !== undefined && { hint: error.hint }), cause: error });
  }
}
