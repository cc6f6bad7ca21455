// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { State } from '../state/state.ts';

const TEMPLATE = join(import.meta.dirname, 'laptop-policy.yaml');

/** Puts the laptop's policy and the public key that it names into the folder that stands for the workspace policy; a policy that is there already is kept, so that people can edit it. */
export async function ensurePolicy(state: State): Promise<void> {
  const file = join(state.policy, 'policy.yaml');
  if (!existsSync(file)) await copyFile(TEMPLATE, file);
  await copyFile(join(state.keys, 'cosign.pub'), join(state.policy, 'cosign.pub'));
}
