// SPDX-License-Identifier: Apache-2.0

import { inputError } from '../errors/errors.ts';
import { readBounded } from '../files/bounded-read.ts';
import { realInside } from '../files/inside.ts';
import type { AnyTaskSpec, Inputs } from '../spec/spec.ts';

const MAX_TRUST_FILE = 4 * 1024 * 1024;

/** The text of the file that the param names in the workspace trust, undefined when the param is empty. Throws input WORKSPACE_UNBOUND or FILE_MISSING. */
export async function readTrustFile(inputs: Inputs<AnyTaskSpec>, param: 'ca-bundle' | 'trusted-root' | 'signing-config'): Promise<string | undefined> {
  const path = (inputs.params as Record<string, unknown>)[param] as string | undefined;
  if (path === undefined) return undefined;
  const file = await workspaceFile(inputs.workspaces, 'trust', path, param);
  return (await readBounded(file, MAX_TRUST_FILE, `the file that param ${param} names,`)).toString('utf8');
}

/**
 * The host path of a file in a workspace, links followed and never outside of it. `param` is the param that named it.
 * Throws input WORKSPACE_UNBOUND when the workspace is not bound, and what `realInside` throws.
 */
export async function workspaceFile(workspaces: Readonly<Record<string, string | undefined>>, workspace: string, path: string, param: string): Promise<string> {
  const folder = workspaces[workspace];
  if (folder === undefined) {
    throw inputError('WORKSPACE_UNBOUND', `param ${param} names the file ${path} in the workspace ${workspace}, which is not bound`, {
      hint: `bind the workspace ${workspace}, or leave the param ${param} empty`,
    });
  }
  return realInside(folder, path);
}
