// SPDX-License-Identifier: Apache-2.0
import { deniedError, inputError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { PREDICATE_TYPE, predicateTypeUri } from '../../lib/intoto/predicate-type.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { workspaceFile } from '../../lib/step/house-files.ts';
import type { spec } from './spec.ts';

/** Rekor v2 takes hashes only, so the registry and the verifiers set the limit; cosign reads attachments up to this size. */
const MAX_PREDICATE_BYTES = 90 * 1024 * 1024;

export type StatementContent = { predicateType: string; predicate: unknown };

type SpecInputs = Inputs<typeof spec>;

/**
 * What the statement will say: the file that the params name with its type, or a plain signature when no file is named.
 * Throws input PREDICATE_INVALID for a wrong combination of params or a file that is not JSON, denied PREDICATE_DIGEST_MISMATCH when the file is not the one that was written.
 */
export async function readPredicate(params: SpecInputs['params'], workspaces: SpecInputs['workspaces']): Promise<StatementContent> {
  const { predicate: path, 'predicate-type': typeName, 'predicate-digest': wanted } = params;
  if (path === undefined) {
    if (typeName !== undefined || wanted !== undefined)
      throw inputError('PREDICATE_INVALID', 'predicate-type and predicate-digest say what a predicate file is, and the param predicate names none');
    return { predicateType: PREDICATE_TYPE.signature, predicate: {} };
  }
  const predicateType = predicateTypeUri(typeName ?? '');
  if (predicateType === undefined) {
    throw inputError('PREDICATE_INVALID', `predicate-type "${typeName ?? ''}" is no predicate type`, {
      hint: `write one of ${Object.keys(PREDICATE_TYPE).join(', ')}, or a URI`,
    });
  }
  const bytes = await readBounded(await workspaceFile(workspaces, 'reports', path, 'predicate'), MAX_PREDICATE_BYTES, 'predicate file');
  const found = sha256Digest(bytes);
  if (wanted !== undefined && wanted !== found)
    throw deniedError('PREDICATE_DIGEST_MISMATCH', `predicate file ${path} has the digest ${found}, and the param predicate-digest demands ${wanted}`);
  try {
    return { predicateType, predicate: JSON.parse(bytes.toString('utf8')) };
  } catch (cause) {
    throw inputError('PREDICATE_INVALID', `predicate file ${path} is not JSON`, { cause });
  }
}
