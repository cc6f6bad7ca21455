// SPDX-License-Identifier: Apache-2.0
import type { Context, Manifest } from './manifest.ts';

/** One rule about a manifest of the catalog. `check` gives a sentence for each problem, none when all is well. */
export type Rule = {
  id: string;
  /** What goes wrong for the user when the rule is broken. */
  why: string;
  /** Where the rule comes from. */
  source: string;
  kinds: readonly ('Task' | 'StepAction' | 'Pipeline' | 'EventListener' | 'TriggerBinding' | 'TriggerTemplate')[];
  check: (manifest: Manifest, context: Context) => string[];
};

export const EVERY_KIND = ['Task', 'StepAction', 'Pipeline'] as const;
export const STEP_KINDS = ['Task', 'StepAction'] as const;
